import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { builtModule } from '../../core/package-root.ts'
import { endOf } from './start.ts'

const module = pathToFileURL(builtModule(import.meta.url, './leave'))
const run = async (program: string) => {
  const script = `import { leaveWithoutDestructors } from '${module}'\nleaveWithoutDestructors()\n${program}`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const [[, signal], end] = await Promise.all([once(child, 'exit'), endOf(child)])
  return { signal, end }
}

// The engine's destructors crash in one stop of nine under load, so what is looked at is that nothing runs them.
test.each([
  ['process.exit(3)', 3],
  ['throw new Error()', 1],
  ['process.disconnect()', undefined],
])('%s ends a store without exit(), and its parent is told the code', async (program, code) => {
  expect(await run(program)).toEqual({
    signal: 'SIGKILL',
    end: code === undefined ? { killedBy: 'SIGKILL' } : { code },
  })
})
