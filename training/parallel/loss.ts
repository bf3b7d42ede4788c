import type { Batch, LossOptions } from './trainer.ts'

/** What the rows of a whole batch weigh; each worker divides by it, so that their parts add up to the batch's mean. */
export interface LossTotals {
  readonly labels: number
  readonly teacher: number
}

/**
 * A loss as a linear function of log-probabilities: constant − Σ hard ⊙ log softmax(z) − Σ soft ⊙ log softmax(z / T).
 * Every weight, mean and smoothing is folded into the two matrices once per batch.
 */
export interface LossTargets {
  readonly classes: number
  /** [rows, classes] */
  readonly hard: Float32Array
  readonly distillation?: {
    readonly temperature: number
    /** [rows, classes] */
    readonly soft: Float32Array
    /** Makes the term a divergence: 0 when the student equals its teacher. */
    readonly constant: number
  }
}

type LabelledRows = Pick<Batch, 'labels' | 'weights' | 'teacher' | 'teacherWeights'>

export function lossTotals({ labels, weights, teacherWeights }: LabelledRows, options: LossOptions): LossTotals {
  let ofLabels = 0
  let ofTeacher = 0
  for (const [row, label] of labels.entries()) {
    ofLabels += (weights?.[row] ?? 1) * (options.classWeights?.[label] ?? 1)
    ofTeacher += teacherWeights?.[row] ?? 1
  }
  return { labels: ofLabels, teacher: ofTeacher }
}

/** The targets of some rows of a batch; `classes` is the width of the logits, `totals` those of the whole batch. */
export function lossTargets(
  batch: LabelledRows,
  classes: number,
  options: LossOptions,
  totals: LossTotals,
): LossTargets {
  const { labels, weights } = batch
  const { labelSmoothing = 0, classWeights, distillation } = options
  const hard = new Float32Array(labels.length * classes)
  for (const [row, label] of labels.entries()) {
    const share = totals.labels === 0 ? 0 : (weights?.[row] ?? 1) / totals.labels
    for (let index = 0; index < classes; index++) {
      const own = index === label ? 1 - labelSmoothing : 0
      hard[row * classes + index] = share * (classWeights?.[index] ?? 1) * (own + labelSmoothing / classes)
    }
  }
  if (distillation === undefined || batch.teacher === undefined || totals.teacher === 0) return { classes, hard }
  return { classes, hard, distillation: teacherTargets(batch.teacher, batch, classes, distillation, totals.teacher) }
}

function teacherTargets(
  teacher: Float32Array,
  { labels, teacherWeights }: LabelledRows,
  classes: number,
  { weight, temperature }: NonNullable<LossOptions['distillation']>,
  total: number,
): NonNullable<LossTargets['distillation']> {
  const soft = new Float32Array(labels.length * classes)
  let constant = 0
  for (let row = 0; row < labels.length; row++) {
    const share = (weight * temperature ** 2 * (teacherWeights?.[row] ?? 1)) / total
    if (share === 0) continue // such a row may hold anything for its teacher, NaN included
    const logProbabilities = logSoftmax(teacher.subarray(row * classes, (row + 1) * classes), temperature)
    for (const [index, value] of logProbabilities.entries()) {
      const target = share * Math.exp(value)
      soft[row * classes + index] = target
      constant += target * value
    }
  }
  return { temperature, soft, constant }
}

/** The loss of these rows and its gradient by the logits, [rows, classes]. */
export function lossOf(logits: Float32Array, targets: LossTargets): { loss: number; gradient: Float32Array } {
  const { classes, hard, distillation } = targets
  const gradient = new Float32Array(logits.length)
  const loss = addTerm(logits, hard, classes, 1, gradient)
  if (distillation === undefined) return { loss, gradient }
  const { soft, temperature, constant } = distillation
  return { loss: loss + constant + addTerm(logits, soft, classes, temperature, gradient), gradient }
}

/** Adds the gradient of −Σ t ⊙ log softmax(z / T), which is (softmax(z / T) · Σ t − t) / T, and returns the value. */
function addTerm(
  logits: Float32Array,
  targets: Float32Array,
  classes: number,
  temperature: number,
  gradient: Float32Array,
): number {
  let loss = 0
  for (let start = 0; start < logits.length; start += classes) {
    const row = targets.subarray(start, start + classes)
    let mass = 0
    for (const target of row) mass += target
    if (mass === 0) continue
    const logProbabilities = logSoftmax(logits.subarray(start, start + classes), temperature)
    for (const [index, value] of logProbabilities.entries()) {
      const target = row[index] ?? 0
      loss -= target * value
      gradient[start + index] = (gradient[start + index] ?? 0) + (Math.exp(value) * mass - target) / temperature
    }
  }
  return loss
}

/** log softmax(z / T) in double precision. */
function logSoftmax(logits: Float32Array, temperature: number): Float64Array {
  const scaled = Float64Array.from(logits, (value) => value / temperature)
  const peak = scaled.reduce((highest, value) => Math.max(highest, value), Number.NEGATIVE_INFINITY)
  const logTotal = peak + Math.log(scaled.reduce((total, value) => total + Math.exp(value - peak), 0))
  return scaled.map((value) => value - logTotal)
}
