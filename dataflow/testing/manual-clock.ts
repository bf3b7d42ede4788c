import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../core/clock.ts'

export interface ManualClock extends Clock {
  /** Moves time on, waking each sleeper at its moment and letting what it starts come to rest. */
  advance(ms: number): Promise<void>
  /** Jumps from sleeper to sleeper until the promise settles, and gives its result. */
  until<Value>(promise: Promise<Value>): Promise<Value>
}

interface Sleeper {
  readonly atMs: number
  readonly wake: () => void
}

/** Turns of the event loop after which tasks that wait for nothing but each other have come to rest. */
const restingTurns = 25

/** Time that stands still until a test moves it. */
export function manualClock(startMs = 0): ManualClock {
  let nowMs = startMs
  const sleepers = new Set<Sleeper>()

  const rest = async () => {
    for (let turn = 0; turn < restingTurns; turn++) await nextTurn()
  }
  const wakeNext = (untilMs: number): boolean => {
    const next = [...sleepers].sort((one, other) => one.atMs - other.atMs)[0]
    if (next === undefined || next.atMs > untilMs) return false
    nowMs = Math.max(nowMs, next.atMs)
    sleepers.delete(next)
    next.wake()
    return true
  }

  return {
    now: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const stop = () => {
          sleepers.delete(sleeper)
          reject(signal?.reason)
        }
        const wake = () => {
          signal?.removeEventListener('abort', stop)
          resolve()
        }
        const sleeper = { atMs: nowMs + ms, wake }
        if (signal?.aborted) return stop()
        signal?.addEventListener('abort', stop, { once: true })
        sleepers.add(sleeper)
      }),
    async advance(ms) {
      const endMs = nowMs + ms
      await rest()
      while (wakeNext(endMs)) await rest()
      nowMs = endMs
      await rest()
    },
    async until(promise) {
      let settled = false
      const settle = () => {
        settled = true
      }
      promise.then(settle, settle)
      await rest()
      while (!settled) {
        wakeNext(Number.POSITIVE_INFINITY)
        await rest()
      }
      return promise
    },
  }
}
