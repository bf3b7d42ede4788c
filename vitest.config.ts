import { availableParallelism } from 'node:os'
import { relative } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { patience } from './test/patience.ts'

/**
 * Files that start whole programs come first, since they take longest: one that began last would be waited for by itself.
 * Without this rule a clean clone begins with the longest sources.
 */
class ProgramsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const first = ({ moduleId }: TestSpecification) =>
      /^(test|cli)\/|\.(crash|race)\.test\.ts$/.test(relative(import.meta.dirname, moduleId))
    return [...sorted.filter(first), ...sorted.filter((file) => !first(file))]
  }
}

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules/**', 'dist/**'],
    globalSetup: 'vitest.setup.ts', // compiles dist/ first: workers and child processes run from there
    pool: 'forks', // native modules (chdb, lmdb, onnxruntime) hold process-wide state
    maxWorkers: availableParallelism(), // not one fewer: a third of the time a file waits for processes or the disk
    sequence: { sequencer: ProgramsFirst },
    ...patience,
    slowTestThreshold: 5000, // each test above it has a line of its own in the log: a tenth of a second more is no news
  },
})
