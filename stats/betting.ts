import { checkBetween } from './checks.ts'
import { checkValue, type Detected, type Detector } from './detector.ts'

export interface BettingState {
  readonly seen: number
  readonly sum: number
  readonly squares: number
  readonly logCapital: number
  /** Smallest p so far, 1 at first: 1 / the largest capital. */
  readonly p: number
}

export interface BettingOptions {
  /** The mean that may not be exceeded, between 0 and 1. */
  readonly mean: number
  /** Probability of ever raising an alarm while the mean holds, however long the stream; 0.05 by default. */
  readonly alpha?: number
}

/**
 * Anytime-valid test of "the mean is at most `mean`" for values from 0 to 1 of any distribution: bet λ of the capital on
 * each value exceeding it, Kₙ = Π (1 + λᵢ (xᵢ − mean)). Nobody gets rich in a fair game: Kₙ ever exceeds 1/α with
 * probability at most α. λᵢ depends on the values before i alone (aGRAPA): (μ̂ − mean) / (σ̂² + (μ̂ − mean)²), cut to
 * 0 … ½ / mean, with one value of ½ and a variance of ¼ put in front.
 *
 * Two streams are compared by testing the mean ½ of (x − y + 1) / 2 over pairs.
 *
 * @see Waudby-Smith and Ramdas (2024), doi:10.1093/jrsssb/qkad009
 */
export function betting({ mean, alpha = 0.05 }: BettingOptions): Detector<BettingState> {
  checkBetween(mean, 0, 1, 'mean')
  checkBetween(alpha, 0, 1, 'alpha')
  return {
    name: 'betting',
    initial: () => ({ seen: 0, sum: 0, squares: 0, logCapital: 0, p: 1 }),
    step(before, value): Detected<BettingState> {
      checkValue(value, 0, 1)
      const n = before.seen + 1 // with the ½ in front
      const expected = (0.5 + before.sum) / n
      const variance = Math.max(1e-6, (0.5 + before.squares) / n - expected ** 2) // ¼ + ½² in front
      const gain = expected - mean
      const bet = Math.min(0.5 / mean, Math.max(0, gain / (variance + gain * gain)))
      const logCapital = before.logCapital + Math.log1p(bet * (value - mean))
      const p = Math.min(before.p, Math.exp(-logCapital))
      const state = { seen: n, sum: before.sum + value, squares: before.squares + value * value, logCapital, p }
      return { state, verdict: p <= alpha ? 'drift' : 'ok' }
    },
  }
}
