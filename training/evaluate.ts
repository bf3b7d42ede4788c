import { ece, reliabilityBins } from '../stats/reliability.ts'
import { argmax, softmaxRows } from '../stats/softmax.ts'

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
  const confidence = new Float64Array(rows)
  const hits = Array.from({ length: rows }, () => false)
  let loss = 0
  for (let row = 0; row < rows; row++) {
    const label = truth[row] ?? 0
    const predicted = argmax(probabilities, row, classes)
    confidence[row] = probabilities[row * classes + predicted] ?? 0
    hits[row] = predicted === label
    const counts = confusion[label]
    if (counts !== undefined) counts[predicted] = (counts[predicted] ?? 0) + 1
    loss -= Math.log(Math.max(probabilities[row * classes + label] ?? 0, 1e-12))
  }
  const perClass = labels.map((label, index) => classEvaluation(label, index, confusion))
  const occurring = perClass.filter((one) => one.rows > 0)
  const mean = (value: (one: ClassEvaluation) => number) =>
    occurring.reduce((sum, one) => sum + value(one), 0) / Math.max(1, occurring.length)
  const right = labels.reduce((sum, _, index) => sum + (confusion[index]?.[index] ?? 0), 0)
  return {
    rows,
    accuracy: right / Math.max(1, rows),
    macroRecall: mean(({ recall }) => recall),
    macroF1: mean(({ f1 }) => f1),
    loss: loss / Math.max(1, rows),
    ece: ece(reliabilityBins(confidence, hits)),
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
