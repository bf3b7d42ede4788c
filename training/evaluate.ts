/** How well a classifier did on labelled posts. Shares are 0 to 1. */
export interface Evaluation {
  readonly rows: number
  readonly accuracy: number
  /** Mean over the classes that occur of recall; SemEval-2017 Task 4's measure. */
  readonly macroRecall: number
  /** Mean over the classes that occur of F1. */
  readonly macroF1: number
  /** Mean cross-entropy of the true class, in nats. */
  readonly loss: number
  /** Expected calibration error: Σ |confidence − accuracy| · share of rows, over 15 equal bins of confidence. */
  readonly ece: number
  readonly perClass: readonly ClassEvaluation[]
  /** [true class][predicted class], rows. */
  readonly confusion: readonly (readonly number[])[]
}

export interface ClassEvaluation {
  readonly label: string
  readonly rows: number
  readonly precision: number
  readonly recall: number
  readonly f1: number
}

const bins = 15

/**
 * @param logits [rows · classes]
 * @param truth [rows], index of the class
 * @param labels names of the classes
 */
export function evaluate(logits: Float32Array, truth: ArrayLike<number>, labels: readonly string[]): Evaluation {
  const classes = labels.length
  const rows = truth.length
  const probabilities = softmaxRows(logits, classes)
  const confusion = labels.map(() => labels.map(() => 0))
  const binRows = new Float64Array(bins)
  const binConfidence = new Float64Array(bins)
  const binRight = new Float64Array(bins)
  let loss = 0
  for (let row = 0; row < rows; row++) {
    const label = truth[row] ?? 0
    const predicted = argmax(probabilities, row, classes)
    const confidence = probabilities[row * classes + predicted] ?? 0
    const counts = confusion[label]
    if (counts !== undefined) counts[predicted] = (counts[predicted] ?? 0) + 1
    loss -= Math.log(Math.max(probabilities[row * classes + label] ?? 0, 1e-12))
    const bin = Math.min(bins - 1, Math.floor(confidence * bins))
    binRows[bin] = (binRows[bin] ?? 0) + 1
    binConfidence[bin] = (binConfidence[bin] ?? 0) + confidence
    binRight[bin] = (binRight[bin] ?? 0) + (predicted === label ? 1 : 0)
  }
  const perClass = labels.map((label, index) => classEvaluation(label, index, confusion))
  const occurring = perClass.filter((one) => one.rows > 0)
  const mean = (value: (one: ClassEvaluation) => number) =>
    occurring.reduce((sum, one) => sum + value(one), 0) / Math.max(1, occurring.length)
  const right = labels.reduce((sum, _, index) => sum + (confusion[index]?.[index] ?? 0), 0)
  const gaps = binConfidence.reduce((sum, confidence, bin) => sum + Math.abs(confidence - (binRight[bin] ?? 0)), 0)
  return {
    rows,
    accuracy: right / Math.max(1, rows),
    macroRecall: mean(({ recall }) => recall),
    macroF1: mean(({ f1 }) => f1),
    loss: loss / Math.max(1, rows),
    ece: gaps / Math.max(1, rows),
    perClass,
    confusion,
  }
}

function classEvaluation(label: string, index: number, confusion: readonly (readonly number[])[]): ClassEvaluation {
  const hit = confusion[index]?.[index] ?? 0
  const rows = (confusion[index] ?? []).reduce((sum, count) => sum + count, 0)
  const predicted = confusion.reduce((sum, counts) => sum + (counts[index] ?? 0), 0)
  const precision = predicted === 0 ? 0 : hit / predicted
  const recall = rows === 0 ? 0 : hit / rows
  return { label, rows, precision, recall, f1: hit === 0 ? 0 : (2 * hit) / (rows + predicted) }
}

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
