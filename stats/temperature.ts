import { softmaxRows } from './softmax.ts'

/**
 * Temperature that makes confidence mean accuracy: the T > 0 that minimises the cross-entropy of softmax(logits / T)
 * (Guo et al. 2017, arXiv:1706.04599). The arg-max stays as it is.
 *
 * The cross-entropy is convex in 1/T, so a golden-section search over 1/T in [1/20, 20] finds the only minimum; posts that
 * are all right or all wrong have none inside and end at a bound.
 *
 * With few posts that is a matter of luck: forty of which all are right make a model that is never in doubt. With `spread`, ln T
 * is taken to be normal around 0 with that standard deviation before any post is seen, and the most probable T afterwards is
 * what comes out: hundreds of posts outweigh it, a few do not.
 *
 * @param logits [rows · classes], of posts that were not trained on
 * @param truth [rows], index of the class
 * @param spread of ln T, > 0; infinite for the minimum alone
 * @returns T, 1 when there are no rows
 */
export function fitTemperature(
  logits: Float32Array,
  truth: ArrayLike<number>,
  classes: number,
  spread = Number.POSITIVE_INFINITY,
): number {
  if (truth.length === 0) return 1
  const loss = (logInverse: number): number =>
    crossEntropy(logits, truth, classes, Math.exp(logInverse)) + (logInverse / spread) ** 2 / 2 / truth.length
  const golden = (Math.sqrt(5) - 1) / 2
  let low = -Math.log(20)
  let high = Math.log(20)
  while (high - low > 1e-5) {
    const left = high - golden * (high - low)
    const right = low + golden * (high - low)
    if (loss(left) < loss(right)) high = right
    else low = left
  }
  return Math.exp(-(low + high) / 2)
}

function crossEntropy(logits: Float32Array, truth: ArrayLike<number>, classes: number, inverse: number): number {
  const scaled = logits.map((logit) => logit * inverse)
  const probabilities = softmaxRows(scaled, classes)
  let sum = 0
  for (let row = 0; row < truth.length; row++) {
    sum -= Math.log(Math.max(probabilities[row * classes + (truth[row] ?? 0)] ?? 0, 1e-300))
  }
  return sum / truth.length
}
