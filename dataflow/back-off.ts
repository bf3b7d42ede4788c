import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'

export interface BackOff {
  readonly firstMs: number
  readonly maxMs: number
}

export const defaultBackOff: BackOff = { firstMs: 100, maxMs: 30_000 }

/**
 * Milliseconds to wait after a failure: doubles from `firstMs` to `maxMs`, of which a random half is taken off, so that
 * lanes that failed together do not all come back together.
 *
 * @param failures how many there were before, ≥ 0
 */
export function backOffMs({ firstMs, maxMs }: BackOff, failures: number, random: Random): number {
  const whole = Math.min(maxMs, firstMs * 2 ** failures)
  return whole / 2 + (random() * whole) / 2
}

/** Sleeps for `ms`, or less when the signal is aborted meanwhile. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
