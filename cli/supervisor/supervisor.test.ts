import { expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { type Part, supervise } from './supervisor.ts'

/** A part that runs a line of JavaScript and tells over stderr what it does. */
const part = (name: string, script: string, more: Partial<Part> = {}): Part => ({
  name,
  args: ['-e', script],
  env: process.env,
  ready: async () => undefined,
  graceMs: 120_000, // on a busy machine a part hears of SIGTERM late, and is to end by itself
  ...more,
})

const stays = `process.on('SIGTERM', () => { console.error('down'); process.exit(0) }); console.error('up'); setInterval(() => {}, 1000)`

function harness() {
  const stop = new AbortController()
  const lines: string[] = []
  const waiting: { text: string; count: number; resolve: () => void }[] = []
  const check = () => {
    for (const { text, count, resolve } of waiting) {
      if (lines.filter((line) => line === text).length >= count) resolve()
    }
  }
  return {
    stop,
    lines,
    seen: (text: string, count = 1) =>
      new Promise<void>((resolve) => {
        waiting.push({ text, count, resolve })
        check()
      }),
    options: {
      clock: systemClock,
      random: () => 0.5,
      log: silentLog,
      signal: stop.signal,
      onLine: (name: string, line: string) => {
        lines.push(`${name} ${line}`)
        check()
      },
      backOffMs: 10,
    },
  }
}

test('parts start in order, each once the one before is ready, and stop in reverse', async () => {
  const { stop, lines, seen, options } = harness()
  const done = supervise(
    [part('store', stays, { ready: () => seen('store up') }), part('score', stays, { ready: () => seen('score up') })],
    options,
  )
  await seen('score up')
  stop.abort()
  await done
  expect(lines).toEqual(['store up', 'score up', 'score down', 'store down'])
})

test('a part that is killed is started again, and no other one', async () => {
  const { stop, lines, seen, options } = harness()
  const crashes = `console.error('crash'); process.kill(process.pid, 'SIGKILL')`
  const done = supervise([part('calm', stays, { ready: () => seen('calm up') }), part('wild', crashes)], options)
  await seen('wild crash', 3)
  stop.abort()
  await done
  expect(lines.filter((line) => line === 'calm up')).toHaveLength(1)
})

test('a finite part that succeeds is left alone, one that fails is tried again', async () => {
  const { stop, lines, seen, options } = harness()
  const done = supervise(
    [
      part('good', `console.error('done')`, { finite: true, ready: () => seen('good done') }),
      part('bad', `console.error('failed'); process.exit(1)`, { finite: true }),
    ],
    options,
  )
  await seen('bad failed', 2)
  stop.abort()
  await done
  expect(lines.filter((line) => line === 'good done')).toHaveLength(1)
})

test('a part that ignores SIGTERM is killed after its grace', async () => {
  const { stop, seen, options } = harness()
  const stubborn = `process.on('SIGTERM', () => {}); console.error('up'); setInterval(() => {}, 1000)`
  const done = supervise([part('stubborn', stubborn, { graceMs: 50 })], options)
  await seen('stubborn up')
  stop.abort()
  await done
})
