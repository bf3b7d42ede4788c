import { seededRandom } from '../core/random.ts'
import { checkBetween } from './checks.ts'
import { checkValue, type Detected, type Detector } from './detector.ts'
import { ksTest } from './ks.ts'

export interface KswinState {
  readonly seen: number
  /** The newest values, oldest first, at most `window`. */
  readonly values: readonly number[]
}

export interface KswinOptions {
  /** p at or below which a check is an alarm, 0.005 by default. One check per value: keep it small. */
  readonly alpha?: number
  /** Values kept, 100 by default. */
  readonly window?: number
  /** Newest values that are compared with as many older ones, 30 by default; at most half of the window. */
  readonly newest?: number
  /** Distance below which a difference is too small to matter, 0.1 by default. */
  readonly minDistance?: number
  readonly seed: number
}

/**
 * KSWIN: the newest r values of a window against r of the older ones, drawn without replacement, by the exact
 * Kolmogorov–Smirnov test. After an alarm the newest r stay. The draw of the n-th value comes from seed + n, so that the
 * state is all there is.
 *
 * @see Raab, Heusinger and Schleif (2020), doi:10.1016/j.neucom.2019.11.111
 */
export function kswin(options: KswinOptions): Detector<KswinState> {
  const { alpha = 0.005, window = 100, newest = 30, minDistance = 0.1, seed } = options
  checkBetween(alpha, 0, 1, 'alpha')
  checkBetween(newest, 0, window / 2 + 1e-9, 'newest')
  return {
    name: 'kswin',
    initial: () => ({ seen: 0, values: [] }),
    step(before, value): Detected<KswinState> {
      checkValue(value, -Number.MAX_VALUE, Number.MAX_VALUE)
      const seen = before.seen + 1
      const values = [...before.values, value].slice(-window)
      if (values.length < window) return { state: { seen, values }, verdict: 'ok' }
      const recent = values.slice(-newest)
      const older = drawn(values.slice(0, -newest), newest, seed + seen)
      const { statistic, p } = ksTest(older, recent, 'exact')
      if (p <= alpha && statistic > minDistance) return { state: { seen, values: recent }, verdict: 'drift' }
      return { state: { seen, values }, verdict: 'ok' }
    },
  }
}

/** `count` of the values, by the first steps of a Fisher–Yates shuffle. */
function drawn(values: number[], count: number, seed: number): number[] {
  const random = seededRandom(seed)
  for (let at = 0; at < count; at++) {
    const other = at + Math.floor(random() * (values.length - at))
    const [here = 0, there = 0] = [values[at], values[other]]
    values[at] = there
    values[other] = here
  }
  return values.slice(0, count)
}
