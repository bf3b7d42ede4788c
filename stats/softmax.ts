/** Softmax of each row, [rows · classes], with the maximum taken off first so that ±1000 does not overflow. */
export function softmaxRows(logits: Float32Array, classes: number): Float64Array {
  const out = new Float64Array(logits.length)
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes)
    const most = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
    let sum = 0
    row.forEach((logit, index) => {
      const power = Math.exp(logit - most)
      out[start + index] = power
      sum += power
    })
    for (let index = 0; index < row.length; index++) out[start + index] = (out[start + index] ?? 0) / sum
  }
  return out
}

/** Index of the largest value of one row; the first of equals. */
export function argmax(values: ArrayLike<number>, row: number, classes: number): number {
  let best = 0
  for (let index = 1; index < classes; index++) {
    if ((values[row * classes + index] ?? 0) > (values[row * classes + best] ?? 0)) best = index
  }
  return best
}
