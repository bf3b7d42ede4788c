import type { Clock } from '../core/clock.ts'

/**
 * Wakes the one task that waits for it; a ring that nobody waits for is remembered. Used in place of `Promise.race`,
 * which adds a reaction to its long-lived promises on each call and never takes it away.
 */
export class Bell {
  #rung = false
  #wake: (() => void) | undefined

  ring(): void {
    const wake = this.#wake
    this.#wake = undefined
    if (wake === undefined) this.#rung = true
    else wake()
  }

  wait(): Promise<void> {
    if (this.#rung) {
      this.#rung = false
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

/** Node's timers hold 31 bits; a longer wait rings early, and whoever waits looks at the clock again. */
const longestSleepMs = 2 ** 31 - 1

/** Calls `onTime` after `ms`, unless the function returned is called first. */
export function alarm(clock: Clock, ms: number, onTime: () => void): () => void {
  const off = new AbortController()
  void clock.sleep(Math.min(Math.max(0, ms), longestSleepMs), off.signal).then(onTime, (error) => {
    if (!off.signal.aborted) throw error
  })
  return () => off.abort()
}
