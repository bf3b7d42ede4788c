import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { builtModule } from '../core/package-root.ts'
import { openLmdbLog } from './lmdb-log.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'driftline-log-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const program = builtModule(import.meta.url, './lmdb/testing/append-until-killed')
const { signal } = new AbortController()

/** The last whole line that the child printed: its last acknowledged write. */
async function lastLine(child: ChildProcess): Promise<string | undefined> {
  let output = ''
  child.stdout?.on('data', (data: Buffer) => {
    output += data.toString()
  })
  await once(child, 'close')
  return output.split('\n').at(-2)
}

/** The numbers a producer has in the log, sorted, whatever their partition. */
async function stored(producer: string): Promise<{ numbers: number[]; position: number }> {
  await using log = openLmdbLog(folder)
  const numbers: number[] = []
  for (const { partition } of await log.ranges('numbers')) {
    const reader = await log.source('numbers', { untilEnd: true }).open(String(partition), undefined, signal)
    for (let items = await reader.next(1000); items !== undefined; items = await reader.next(1000)) {
      for (const { key } of items)
        if (key?.startsWith(`${producer}-`)) numbers.push(Number(key.slice(producer.length + 1)))
    }
  }
  const writer = await log.sink<number>(producer).open('0', signal)
  return { numbers: numbers.sort((a, b) => a - b), position: (await writer.checkpoint())?.position ?? 0 }
}

test('two writers killed again and again lose nothing they acknowledged and repeat nothing', async () => {
  const acknowledged = { a: 0, b: 0 }
  for (let cycle = 0; cycle < 6; cycle++) {
    const ends = (['a', 'b'] as const).map(async (producer) => {
      const child = spawn(process.execPath, [program, folder, producer, '70'], { stdio: ['ignore', 'pipe', 'inherit'] })
      const last = lastLine(child)
      await once(child.stdout as NonNullable<typeof child.stdout>, 'data') // it is writing
      setTimeout(() => child.kill('SIGKILL'), 7 * cycle)
      acknowledged[producer] = Math.max(acknowledged[producer], Number((await last) ?? 0))
    })
    await Promise.all(ends)
    for (const producer of ['a', 'b'] as const) {
      const { numbers, position } = await stored(producer)
      expect(position).toBeGreaterThanOrEqual(acknowledged[producer])
      expect(numbers).toEqual(Array.from({ length: position }, (_, number) => number))
    }
  }
  expect(acknowledged.a).toBeGreaterThan(0)
})

// A file size limit stands in for a full disk: LMDB's writes fail in the same place.
test.runIf(process.platform !== 'win32')(
  'on a full disk a write fails, what was there stays, and it goes on later',
  async () => {
    const limited = ['-c', 'ulimit -f 4000; exec "$0" "$@"', process.execPath, program, folder, 'a', '500']
    const child = spawn('bash', limited, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString()
    })
    await once(child, 'close')
    const lines = output.trim().split('\n')
    expect(lines.at(-1)).toBe('SINK_UNAVAILABLE')
    const acknowledged = Number(lines.at(-2))
    expect(acknowledged).toBeGreaterThan(0)
    expect(await stored('a')).toEqual({
      numbers: Array.from({ length: acknowledged }, (_, number) => number),
      position: acknowledged,
    })
    await using log = openLmdbLog(folder)
    const writer = await log.sink<number>('a').open('0', signal)
    await writer.write([{ topic: 'numbers', key: 'later', value: Buffer.from('x') }], { position: 1, states: {} })
  },
)
