/**
 * exp(xᵢ − max x) / Σ exp(xⱼ − max x) of one row, in double precision.
 *
 * @param logits rows of `classes` values
 * @param out where the probabilities go, [classes] from `at`; they sum to 1
 * @returns false when a logit is infinite or not a number; `out` is then undefined
 */
export function softmaxRow(logits: Float32Array, row: number, classes: number, out: Float64Array, at: number): boolean {
  const from = row * classes
  let highest = -Infinity
  for (let index = 0; index < classes; index++) {
    const logit = logits[from + index] ?? Number.NaN
    if (!Number.isFinite(logit)) return false
    if (logit > highest) highest = logit
  }
  let sum = 0
  for (let index = 0; index < classes; index++) {
    const weight = Math.exp((logits[from + index] ?? 0) - highest)
    out[at + index] = weight
    sum += weight
  }
  for (let index = 0; index < classes; index++) out[at + index] = (out[at + index] ?? 0) / sum
  return true
}
