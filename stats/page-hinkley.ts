import { checkValue, type Detected, type Detector } from './detector.ts'

export interface PageHinkleyState {
  readonly seen: number
  readonly mean: number
  readonly up: number
  readonly lowestUp: number
  readonly down: number
  readonly highestDown: number
}

export interface PageHinkleyOptions {
  /** Values before the first alarm, 30 by default. */
  readonly grace?: number
  /** Change of the mean that is not worth an alarm, in the unit of the values; 0.005 by default. */
  readonly tolerance?: number
  /** λ: how far the sum may leave its extreme, in the unit of the values; 50 by default. */
  readonly threshold?: number
  /** What a sum keeps from one value to the next, above 0 to 1; 0.9999 by default. */
  readonly keep?: number
  readonly direction?: 'up' | 'down' | 'both'
}

/**
 * Page–Hinkley: cumulated deviations from the running mean, m ← keep · m + (x − x̄) ∓ tolerance; an alarm when m is more
 * than λ above its minimum (the mean went up) or below its maximum (down). It starts afresh after an alarm.
 *
 * @see Page (1954), doi:10.1093/biomet/41.1-2.100; Hinkley (1971), doi:10.1093/biomet/58.3.509
 */
export function pageHinkley(options: PageHinkleyOptions = {}): Detector<PageHinkleyState> {
  const { grace = 30, tolerance = 0.005, threshold = 50, keep = 0.9999, direction = 'both' } = options
  const initial = (): PageHinkleyState => ({ seen: 0, mean: 0, up: 0, lowestUp: 0, down: 0, highestDown: 0 })
  return {
    name: 'page-hinkley',
    initial,
    step(before, value): Detected<PageHinkleyState> {
      checkValue(value, -Number.MAX_VALUE, Number.MAX_VALUE)
      const seen = before.seen + 1
      const mean = before.mean + (value - before.mean) / seen
      const up = keep * before.up + value - mean - tolerance
      const down = keep * before.down + value - mean + tolerance
      const lowestUp = seen === 1 ? up : Math.min(before.lowestUp, up)
      const highestDown = seen === 1 ? down : Math.max(before.highestDown, down)
      const rose = direction !== 'down' && up - lowestUp > threshold
      const fell = direction !== 'up' && highestDown - down > threshold
      if (seen >= grace && (rose || fell)) return { state: initial(), verdict: 'drift' }
      return { state: { seen, mean, up, lowestUp, down, highestDown }, verdict: 'ok' }
    },
  }
}
