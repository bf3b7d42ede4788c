import { checkBetween, checkSameLength } from './checks.ts'
import { type Interval, wilson } from './wilson.ts'

export interface WeightedAccuracy extends Interval {
  /** Σ wᵢ yᵢ / Σ wᵢ, 0 to 1. */
  readonly estimate: number
  /** Linearised, ≥ 0. */
  readonly standardError: number
  readonly answers: number
  /** Answers that were drawn evenly and would tell as much. */
  readonly effectiveAnswers: number
}

/**
 * Accuracy over all posts from labels of some, each chosen with a known probability πᵢ > 0: Hájek's ratio p̂ = Σ wᵢ yᵢ / Σ wᵢ
 * with wᵢ = 1 / πᵢ, where yᵢ is 1 for a post that the model got right. However doubtful posts were preferred, the weights
 * undo it; when all πᵢ shrink by one factor (part of a queue was answered), it cancels.
 *
 * The variance is the linearised one of sampling with replacement, Σ wᵢ² (yᵢ − p̂)² / (Σ wᵢ)²; it takes the posts as a sample of
 * what the stream could have brought, so it does not vanish when all were labelled. The interval is Wilson's with
 * the effective size p̂ (1 − p̂) / variance, at most the number of answers (with Kish's (Σw)² / Σw² when p̂ is 0 or 1), which
 * stays within 0 to 1. With equal probabilities it is Wilson's interval.
 *
 * @param right whether the model was right, [answers]
 * @param probabilities πᵢ, above 0 to 1, [answers]
 * @returns `undefined` without answers
 * @throws RangeError when a probability is not above 0 and at most 1, or the lengths differ
 * @see Särndal, Swensson and Wretman (1992), Model Assisted Survey Sampling, 5.7 and 5.8
 * @see Korn and Graubard (1998), Survey Methodology 24, 193–201: the effective size in an interval of a share
 */
export function weightedAccuracy(
  right: readonly boolean[],
  probabilities: readonly number[],
  level = 0.95,
): WeightedAccuracy | undefined {
  checkBetween(level, 0, 1, 'level')
  checkSameLength(right, probabilities, 'answers and probabilities')
  if (right.length === 0) return undefined
  let weights = 0
  let squared = 0
  let hits = 0
  right.forEach((yes, at) => {
    const probability = probabilities[at] ?? Number.NaN
    if (!(probability > 0 && probability <= 1)) throw new RangeError(`probability ${probability} of answer ${at}`)
    weights += 1 / probability
    squared += 1 / probability ** 2
    if (yes) hits += 1 / probability
  })
  const estimate = right.every((yes) => yes) ? 1 : hits / weights
  let residuals = 0
  right.forEach((yes, at) => {
    residuals += (((yes ? 1 : 0) - estimate) / (probabilities[at] ?? 1)) ** 2
  })
  const variance = residuals / weights ** 2
  const kish = weights ** 2 / squared
  const effective = Math.min(right.length, variance > 0 ? (estimate * (1 - estimate)) / variance : kish)
  const { low, high } = wilson(Math.min(estimate * effective, effective), effective, level)
  return { estimate, standardError: Math.sqrt(variance), answers: right.length, effectiveAnswers: effective, low, high }
}
