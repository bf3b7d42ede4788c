import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules/**', 'dist/**'],
    globalSetup: 'vitest.setup.ts', // compiles dist/ first: workers and child processes run from there
    pool: 'forks', // native modules (chdb, lmdb, onnxruntime) hold process-wide state
    testTimeout: 120_000, // against a hang only: no test asserts a time, and machines are shared
    hookTimeout: 120_000,
    slowTestThreshold: 5000, // each test above it has a line of its own in the log: a tenth of a second more is no news
  },
})
