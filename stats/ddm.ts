import type { Detected, Detector } from './detector.ts'

export interface DdmState {
  readonly seen: number
  readonly errors: number
  /** Error rate and its standard deviation where their sum was smallest; absent during the grace period. */
  readonly best?: { readonly rate: number; readonly deviation: number }
}

export interface DdmOptions {
  /** Values before the first verdict, 30 by default. */
  readonly grace?: number
  /** Standard deviations above the best rate, 2 and 3 by default. */
  readonly warnAt?: number
  readonly alarmAt?: number
}

/**
 * Drift detection method, for a stream of errors: with p the error rate so far and s = √(p(1 − p)/n), a warning when
 * p + s > p_min + 2 s_min and an alarm at 3 s_min, where p_min + s_min was the smallest sum so far. It starts afresh after
 * an alarm. It has no false-alarm rate that holds for ever: on stationary streams it does raise alarms; the sequential
 * tests (`bernoulliMixture`, `betting`) have one.
 *
 * Values are 1 (an error) or 0.
 *
 * @see Gama, Medas, Castillo and Rodrigues (2004), SBIA, doi:10.1007/978-3-540-28645-5_29
 */
export function ddm({ grace = 30, warnAt = 2, alarmAt = 3 }: DdmOptions = {}): Detector<DdmState> {
  const initial = (): DdmState => ({ seen: 0, errors: 0 })
  return {
    name: 'ddm',
    initial,
    step(before, value): Detected<DdmState> {
      if (value !== 0 && value !== 1) throw new RangeError(`${value} is neither 0 nor 1`)
      const seen = before.seen + 1
      const errors = before.errors + value
      if (seen <= grace) return { state: { seen, errors }, verdict: 'ok' }
      const rate = errors / seen
      const deviation = Math.sqrt((rate * (1 - rate)) / seen)
      const now = rate + deviation
      const better = before.best === undefined || now <= before.best.rate + before.best.deviation
      const best = better ? { rate, deviation } : (before.best ?? { rate, deviation })
      if (now > best.rate + alarmAt * best.deviation) return { state: initial(), verdict: 'drift' }
      const warned = now > best.rate + warnAt * best.deviation
      return { state: { seen, errors, best }, verdict: warned ? 'warning' : 'ok' }
    },
  }
}
