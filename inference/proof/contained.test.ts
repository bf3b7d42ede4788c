import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { builtModule } from '../../core/package-root.ts'
import { type Containment, runContained } from './contained.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-contained-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs a program that says what it is given to say. */
async function contained(source: string, limits: Partial<Containment> = {}) {
  const program = join(folder, `${Math.random()}.mjs`)
  await writeFile(program, source)
  const messages: unknown[] = []
  const ended = await runContained({
    program,
    args: [],
    wallMs: 60_000,
    cpuMs: 60_000,
    memoryMb: 1024,
    signal: new AbortController().signal,
    clock: systemClock,
    onMessage: (message) => {
      messages.push(message)
      return message === 'done'
    },
    ...limits,
  })
  return { ...ended, messages }
}

const say = (what: string) => `process.send(${JSON.stringify(what)})`
const linux = process.platform === 'linux'

test('a process that has said its last is ended, and cannot refuse', async () => {
  const source = `process.on('SIGTERM', () => {}); ${say('begun')}; setInterval(() => {}, 1000); ${say('done')}`
  expect(await contained(source)).toMatchObject({ ending: { kind: 'done' }, messages: ['begun', 'done'] })
})

test('one that ends without its last word is told by its code or its signal', async () => {
  expect(await contained('process.exit(3)')).toMatchObject({ ending: { kind: 'exit', code: 3, signal: null } })
  expect(await contained('process.abort()')).toMatchObject({ ending: { kind: 'exit', signal: 'SIGABRT' } })
})

test('one that waits for ever is ended by the wall clock', async () => {
  const clock = { now: () => 0, sleep: () => Promise.resolve() }
  expect(await contained('setInterval(() => {}, 1000)', { clock })).toMatchObject({ ending: { kind: 'wall' } })
})

test('one that computes for ever is ended by the kernel, without help of the one who started it', async () => {
  expect(await contained('for (;;);', { cpuMs: 1000 })).toMatchObject({ ending: { kind: 'cpu' } })
})

test.runIf(linux)('memory that grows is noticed at the limit', async () => {
  // In pieces, each of which is used. The kernel would refuse it more than 250 MB of data: from some 130 MB on it takes 2 s and
  // more to come from the one limit to the other, and is looked at each 25 ms.
  const source = `const kept = []; const more = () => kept.push(Buffer.alloc(2 ** 20, 1));
    while (kept.length < 90) more(); setInterval(more, 40)`
  const { ending, peakMb } = await contained(source, { memoryMb: 200 })
  expect(ending).toEqual({ kind: 'memory' })
  expect(peakMb).toBeGreaterThan(200)
  expect(peakMb).toBeLessThan(300) // 250 of data, which the kernel holds, and the program's own files
})

test.runIf(linux)('memory that is asked for at once is refused by the kernel', async () => {
  const source = `try { Buffer.alloc(2 ** 31, 1); ${say('had it')} } catch { ${say('refused')} } ${say('done')}`
  expect(await contained(source, { memoryMb: 300 })).toMatchObject({ messages: ['refused', 'done'] })
})

test('it sees nothing of the environment that a model must not know', async () => {
  process.env.DRIFTLINE_TOKEN = 'a token of sixteen'
  try {
    const { messages } = await contained(`process.send(process.env.DRIFTLINE_TOKEN ?? 'nothing'); ${say('done')}`)
    expect(messages).toEqual(['nothing', 'done'])
  } finally {
    delete process.env.DRIFTLINE_TOKEN
  }
})

test('it does not come before the one who started it, who may be nice', async () => {
  const program = join(folder, 'priority.mjs')
  await writeFile(program, "import { getPriority } from 'node:os'; process.send(getPriority())")
  const starter = `import { runContained } from ${JSON.stringify(String(builtModule(import.meta.url, './contained')))}
    const limits = { wallMs: 60_000, cpuMs: 60_000, memoryMb: 1024, signal: new AbortController().signal }
    const clock = { sleep: (ms, signal) => new Promise((_, reject) => signal.addEventListener('abort', reject)) }
    const onMessage = (priority) => process.stdout.write(String(priority)) && true
    await runContained({ program: process.argv[1], args: [], ...limits, clock, onMessage })`
  const nice = ['-n', '15', process.execPath, '--input-type=module', '-e', starter, program]
  const { stdout } = await promisify(execFile)('nice', nice)
  expect(Number(stdout)).toBeGreaterThanOrEqual(15)
})

test('an abort ends it with the reason', async () => {
  const stop = new AbortController()
  const running = contained('setInterval(() => {}, 1000)', { signal: stop.signal })
  setImmediate(() => stop.abort(new Error('enough')))
  await expect(running).rejects.toThrow('enough')
})
