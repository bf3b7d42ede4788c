/**
 * How doubtful the model is, by the distance between its two best classes: (1 − (p₁ − p₂))⁴, 0 to 1. The power makes a post
 * with a margin of 0.1 ten times as likely to be asked about as one with 0.5, and yet leaves the latter a chance.
 *
 * @param probabilities of each class, in any order
 */
export function marginDoubt(probabilities: readonly number[]): number {
  let first = 0
  let second = 0
  for (const probability of probabilities) {
    if (probability > first) {
      second = first
      first = probability
    } else if (probability > second) second = probability
  }
  return within01(1 - (first - second)) ** 4
}

/** How doubtful the model is over all classes: (−Σ p ln p / ln classes)⁴, 0 to 1; 0 for a model of a single class. */
export function entropyDoubt(probabilities: readonly number[]): number {
  if (probabilities.length < 2) return 0
  let entropy = 0
  for (const probability of probabilities) if (probability > 0) entropy -= probability * Math.log(probability)
  return within01(entropy / Math.log(probabilities.length)) ** 4
}

/** A model that gives no number is as doubtful as can be. */
const within01 = (value: number): number => (Number.isNaN(value) ? 1 : Math.min(1, Math.max(0, value)))
