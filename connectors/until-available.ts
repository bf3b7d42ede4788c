import type { Clock } from '../core/clock.ts'
import { DriftlineError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { type BackOff, backOffMs, pause } from '../dataflow/back-off.ts'

const backOff: BackOff = { firstMs: 200, maxMs: 5000 }

/**
 * Repeats `action` for as long as it fails in a way that is worth it, and says so: a job that starts before its log waits for
 * it.
 *
 * @throws what `action` throws otherwise; the signal's reason once it is aborted
 */
export async function untilAvailable<Result>(
  what: string,
  action: () => Promise<Result>,
  { clock, log, signal }: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal },
): Promise<Result> {
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted()
    try {
      return await action()
    } catch (error) {
      if (!(error instanceof DriftlineError && error.retryable)) throw error
      const delayMs = backOffMs(backOff, failures, Math.random)
      log.warn({ err: error, delayMs }, `waiting for ${what}`)
      await pause(clock, delayMs, signal)
    }
  }
}
