import { checkBetween } from './checks.ts'
import { checkValue, type Detected, type Detector } from './detector.ts'
import { logBeta } from './special.ts'
import type { Interval } from './wilson.ts'

export interface BernoulliMixtureState {
  readonly seen: number
  readonly successes: number
  /** Smallest p so far, 1 at first; it may be looked at after every value. */
  readonly p: number
}

export interface BernoulliMixtureOptions {
  /** The rate that may not be exceeded, between 0 and 1. */
  readonly rate: number
  /** Probability of ever raising an alarm while the rate holds, however long the stream; 0.05 by default. */
  readonly alpha?: number
}

/**
 * Anytime-valid test of "the rate is at most `rate`" for a stream of 0 and 1, such as the errors of labelled posts: the
 * mixture likelihood ratio Λₙ = B(a + s, b + n − s) / (B(a, b) · rateˢ (1 − rate)ⁿ⁻ˢ), here with a = b = ½ (Jeffreys), is
 * a martingale with mean 1 at `rate`, so it ever exceeds 1/α with probability at most α (Ville). Looking after every post
 * costs nothing. The alarm means that the whole confidence sequence lies above `rate`. Values between 0 and 1 may come too;
 * the promise then holds with room to spare, and `betting` is the sharper test.
 *
 * @see Robbins (1970), doi:10.1214/aoms/1177696786; Ville (1939); Howard et al. (2021), doi:10.1214/20-AOS1991
 */
export function bernoulliMixture({ rate, alpha = 0.05 }: BernoulliMixtureOptions): Detector<BernoulliMixtureState> {
  checkBetween(rate, 0, 1, 'rate')
  checkBetween(alpha, 0, 1, 'alpha')
  return {
    name: 'bernoulli-mixture',
    initial: () => ({ seen: 0, successes: 0, p: 1 }),
    step(before, value): Detected<BernoulliMixtureState> {
      checkValue(value, 0, 1)
      const seen = before.seen + 1
      const successes = before.successes + value
      const above = successes / seen > rate
      const p = above ? Math.min(before.p, Math.exp(-logMixtureRatio(successes, seen, rate))) : before.p
      return { state: { seen, successes, p }, verdict: p <= alpha ? 'drift' : 'ok' }
    },
  }
}

/** ln Λₙ of `successes` in `n` against `rate`; the mixing distribution is Beta(½, ½). */
export function logMixtureRatio(successes: number, n: number, rate: number): number {
  const failures = n - successes
  const likelihood = successes * Math.log(rate) + failures * Math.log1p(-rate)
  return logBeta(successes + 0.5, failures + 0.5) - logBeta(0.5, 0.5) - likelihood
}

/**
 * Confidence sequence of a rate: the rates with Λₙ < 1/α. It holds at all n at once with probability 1 − α, so a stream may
 * be stopped because of it; a Wilson interval may not.
 *
 * @returns 0 to 1; all of it at n = 0
 */
export function confidenceSequence(successes: number, n: number, alpha = 0.05): Interval {
  checkBetween(alpha, 0, 1, 'alpha')
  if (!(successes >= 0 && successes <= n)) throw new RangeError(`${successes} successes of ${n}`)
  if (n === 0) return { low: 0, high: 1 }
  const share = successes / n
  const excluded = (rate: number) => logMixtureRatio(successes, n, rate) >= -Math.log(alpha)
  const edge = (outside: number): number => {
    let [out, within] = [outside, share]
    for (let step = 0; step < 60; step++) {
      const middle = (out + within) / 2
      if (excluded(middle)) out = middle
      else within = middle
    }
    return within
  }
  return { low: successes === 0 ? 0 : edge(0), high: successes === n ? 1 : edge(1) }
}
