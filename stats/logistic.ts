/** Rows of a sparse binary matrix: the columns that are 1, each once. */
export type SparseRows = readonly Int32Array[]

export interface Logistic {
  readonly bias: number
  /** [columns] */
  readonly weights: Float64Array
}

export interface LogisticOptions {
  /** Penalty λ on Σ w² / 2, per row, default 0.002. Larger keeps rare words nearer to 0. */
  readonly penalty?: number
  /** Accelerated gradient steps, default 30: enough for ranking and for naming the largest weights. */
  readonly steps?: number
}

/**
 * L2-regularised logistic regression on binary features: minimises the mean of ln(1 + exp(−y (b + Σ w))) + λ/2 · |w|², by
 * Nesterov's accelerated gradient. Each class counts as one half, however many rows it has. The bias is not penalised.
 *
 * @param positive [rows]; both kinds must occur
 * @see Nesterov (1983), Doklady AN USSR 269, 543–547
 */
export function fitLogistic(
  rows: SparseRows,
  positive: ArrayLike<boolean>,
  columns: number,
  { penalty = 0.002, steps = 30 }: LogisticOptions = {},
): Logistic {
  const positives = Array.from(positive).filter(Boolean).length
  if (positives === 0 || positives === rows.length) throw new RangeError('a classifier needs rows of both kinds')
  const rowWeight = [1 / (2 * (rows.length - positives)), 1 / (2 * positives)] as const
  // The curvature is at most ¼ of the weighted mean of |x|², the trace of the Hessian.
  let meanSquare = 0
  rows.forEach((row, at) => {
    meanSquare += rowWeight[positive[at] === true ? 1 : 0] * (row.length + 1)
  })
  const rate = 1 / (meanSquare / 4 + penalty)
  let [weights, before] = [new Float64Array(columns), new Float64Array(columns)]
  let [bias, biasBefore] = [0, 0]
  const [gradient, ahead] = [new Float64Array(columns), new Float64Array(columns)]
  for (let step = 1; step <= steps; step++) {
    const momentum = (step - 1) / (step + 2)
    for (let at = 0; at < columns; at++) {
      const weight = weights[at] ?? 0
      ahead[at] = weight + momentum * (weight - (before[at] ?? 0))
      gradient[at] = penalty * (ahead[at] ?? 0)
    }
    const biasAhead = bias + momentum * (bias - biasBefore)
    let biasGradient = 0
    rows.forEach((row, at) => {
      const is = positive[at] === true ? 1 : 0
      const error = (logistic(sumOf(row, ahead, biasAhead)) - is) * rowWeight[is]
      biasGradient += error
      for (const column of row) gradient[column] = (gradient[column] ?? 0) + error
    })
    ;[weights, before] = [before, weights]
    for (let at = 0; at < columns; at++) weights[at] = (ahead[at] ?? 0) - rate * (gradient[at] ?? 0)
    ;[bias, biasBefore] = [biasAhead - rate * biasGradient, bias]
  }
  return { bias, weights }
}

/** b + Σ w over the columns of a row: the log-odds that it is positive. */
export const logOdds = ({ bias, weights }: Logistic, row: Int32Array): number => sumOf(row, weights, bias)

export const logistic = (x: number): number => 1 / (1 + Math.exp(-x))

function sumOf(row: Int32Array, weights: Float64Array, bias: number): number {
  let sum = bias
  for (const column of row) sum += weights[column] ?? 0
  return sum
}
