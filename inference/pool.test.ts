import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Clock } from '../core/clock.ts'
import { DriftlineError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import { Pool } from './pool.ts'
import type { Columns } from './score-chunk.ts'
import type { StartThread, ThreadListener } from './thread.ts'

/**
 * A clock whose sleepers wake when a test lets time pass: those that slept already when it passed the last time. So a
 * time limit never ends for a thread that answers in the turns between, which a scripted one does unless it hangs.
 */
function manualClock() {
  const sleepers = new Set<() => void>()
  let early: (() => void)[] = []
  const clock: Clock = {
    now: () => 0,
    sleep: (_, signal) =>
      new Promise((resolve, reject) => {
        const wake = () => {
          sleepers.delete(wake)
          resolve()
        }
        sleepers.add(wake)
        signal?.addEventListener('abort', () => {
          sleepers.delete(wake)
          reject(signal.reason)
        })
      }),
  }
  const pass = () => {
    for (const wake of early) if (sleepers.has(wake)) wake()
    early = [...sleepers]
  }
  return { clock, pass }
}

/** A text's tokens are its number, so that results can be told apart. */
const columnsOf = (texts: readonly string[]): Columns => ({
  probabilities: Float64Array.from(texts.flatMap(() => [0.25, 0.75])),
  tokens: Int32Array.from(texts, (text) => Number.parseInt(text, 10)),
  unknown: new Int32Array(texts.length),
  inferenceUs: new Float64Array(texts.length),
  failures: [],
})

/**
 * Threads without threads: each answers a turn of the event loop later. A text that holds `crash` ends its thread, one
 * with `hang` is never answered, one with `once` ends the first thread that meets it.
 */
function scriptedThreads() {
  const seen = { started: 0, alive: 0, chunks: [] as (readonly string[])[], onceUsed: false, failNextStart: false }
  const start: StartThread = (listener: ThreadListener) => {
    seen.started++
    seen.alive++
    const chunks: (readonly string[])[] = []
    let alive = true
    const end = (reason: string) => {
      if (!alive) return
      alive = false
      seen.alive--
      listener.onExit(reason)
    }
    const step = async () => {
      await turn()
      const texts = chunks[0]
      if (!alive || texts === undefined) return
      const has = (word: string) => texts.some((text) => text.includes(word))
      if (has('hang')) return
      if (has('crash')) return end('crashed')
      if (has('once') && !seen.onceUsed) {
        seen.onceUsed = true
        return end('crashed')
      }
      chunks.shift()
      listener.onMessage({ kind: 'scored', columns: columnsOf(texts) })
      if (chunks.length > 0) await step()
    }
    const fails = seen.failNextStart
    seen.failNextStart = false
    void turn().then(() => {
      if (!alive) return
      if (fails) listener.onMessage({ kind: 'failed', code: 'MODEL_INVALID', details: { reason: 'scripted' } })
      else listener.onMessage({ kind: 'ready', provider: 'cpu', passedOver: undefined })
    })
    const leave = () => {
      const hangs = chunks[0]?.some((text) => text.includes('hang')) ?? false
      if (!hangs) void turn().then(() => end('closed'))
      else if (alive) {
        alive = false
        seen.alive--
      }
    }
    return {
      score: (texts) => {
        seen.chunks.push(texts)
        chunks.push(texts)
        if (chunks.length === 1) void step()
      },
      setPriority: () => undefined,
      release: leave,
      stop: leave,
    }
  }
  return { start, seen }
}

async function openPool(size: number) {
  const { start, seen } = scriptedThreads()
  const { clock, pass } = manualClock()
  const pool = new Pool({ start, labels: ['no', 'yes'], timeLimitMs: 1000, clock, log: silentLog })
  await Promise.all(Array.from({ length: size }, () => pool.grow()))
  return { pool, seen, pass }
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index} text`)

/** Turns of the event loop until a call ends, letting time pass in each. */
async function settled<Value>(call: Promise<Value>, pass: () => void): Promise<Value> {
  let open = true
  const done = call.finally(() => {
    open = false
  })
  for (let turns = 0; open && turns < 10_000; turns++) {
    await turn()
    if (turns % 5 === 4) pass()
  }
  return done
}

test('the results of a call stand in the order of its texts, whichever threads scored them', async () => {
  const { pool, seen } = await openPool(3)
  const calls = await Promise.all([pool.score(numbered(2000)), pool.score(numbered(7)), pool.score([])])
  expect(calls.map((results) => results.length)).toEqual([2000, 7, 0])
  for (const results of calls) {
    for (const [index, result] of results.entries()) {
      expect(result).toMatchObject({ tokens: index, label: 'yes', confidence: 0.75, margin: 0.5 })
    }
  }
  expect(Math.max(...seen.chunks.map(({ length }) => length))).toBe(256)
})

test('a small call is shared among the threads', async () => {
  const { pool, seen } = await openPool(3)
  await pool.score(numbered(90))
  expect(seen.chunks.map(({ length }) => length)).toEqual([30, 30, 30])
})

describe.each(['crash', 'hang'])('a text on which a thread gives a %s', (word) => {
  test('is found and named; every other text is scored, and the threads are replaced', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(599), { maxLength: 4 }),
        fc.integer({ min: 1, max: 4 }),
        async (bad, size) => {
          const { pool, seen, pass } = await openPool(size)
          const texts = numbered(600)
          for (const index of bad) texts[index] += ` ${word}`
          const results = await settled(pool.score(texts), pass)
          for (const [index, result] of results.entries()) {
            if (bad.includes(index)) expect(result).toMatchObject({ code: 'INFERENCE_FAILED' })
            else expect(result).toMatchObject({ tokens: index })
          }
          await settled(turn(), pass)
          expect(pool.size).toBe(size)
          expect(seen.alive).toBe(size)
          await pool.close(new Error('done'))
          expect(seen.alive).toBe(0)
        },
      ),
      { numRuns: 20 },
    )
  })
})

test('a text is not blamed for a thread that died of something else', async () => {
  const { pool } = await openPool(1)
  expect(await pool.score(['5 once'])).toMatchObject([{ tokens: 5 }])
})

test('a thread that cannot start fails with its reason and code', async () => {
  const { pool, seen } = await openPool(0)
  seen.failNextStart = true
  await expect(pool.grow()).rejects.toMatchObject({ code: 'MODEL_INVALID', details: { reason: 'scripted' } })
  expect(pool.size).toBe(0)
})

test('a thread that the system does not give is one that did not start', async () => {
  const { start } = scriptedThreads()
  const { clock } = manualClock()
  let given = 0
  const limited: StartThread = (listener) => {
    if (given++ > 0) throw new Error('no more threads')
    return start(listener)
  }
  const pool = new Pool({ start: limited, labels: ['no', 'yes'], timeLimitMs: 1000, clock, log: silentLog })
  await pool.grow()
  await expect(pool.grow()).rejects.toMatchObject({ code: 'INFERENCE_FAILED' })
  expect(pool.size).toBe(1)
  await expect(pool.score(['1 crash', '2'])).rejects.toMatchObject({ code: 'INFERENCE_FAILED' })
  await pool.close(new Error('stop')) // waits for none that there never was
})

test('when the last thread is lost and cannot be replaced, calls are rejected instead of waiting for ever', async () => {
  const { pool, seen } = await openPool(1)
  const call = pool.score(['1 crash', '2 good'])
  seen.failNextStart = true
  await expect(call).rejects.toMatchObject({ code: 'MODEL_INVALID' })
  await expect(pool.score(['3'])).rejects.toBeInstanceOf(DriftlineError)
})

test('closing rejects what is open, ends the threads, and does not wait for one that hangs', async () => {
  const { pool, seen, pass } = await openPool(2)
  const call = pool.score(['1 hang', ...numbered(100)])
  const rejected = expect(call).rejects.toThrow('stop')
  await settled(pool.close(new Error('stop')), pass)
  await rejected
  expect(seen.alive).toBe(0)
  await expect(pool.score(['1'])).rejects.toThrow('stop')
})

test('a thread that is still loading when the pool closes is ended too', async () => {
  const { pool, seen, pass } = await openPool(1)
  const growing = expect(pool.grow()).rejects.toThrow('stop')
  await settled(pool.close(new Error('stop')), pass)
  await growing
  expect(seen.alive).toBe(0)
})
