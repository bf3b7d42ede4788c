import { checkSameLength, checkSample } from './checks.ts'

export interface Auc {
  /** Probability that a positive scores above a negative, ties counted half; 0.5: no better than chance. */
  readonly auc: number
  /** Standard deviation of `auc` when scores say nothing: √((n + m + 1) / (12 n m)), ties taken off. */
  readonly nullDeviation: number
}

/**
 * Area under the ROC curve, which is Mann and Whitney's U / (n m) (Hanley and McNeil 1982,
 * doi:10.1148/radiology.143.1.7063747).
 *
 * @param scores [rows], higher means more positive
 * @param positive [rows]; both kinds must occur
 * @throws RangeError when lengths differ, a score is NaN, or a kind is missing
 */
export function auc(scores: ArrayLike<number>, positive: ArrayLike<boolean>): Auc {
  checkSameLength(scores, positive, 'scores against positive')
  checkSample(scores, 'scores')
  const order = Array.from(scores, (_, row) => row).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0))
  const rows = order.length
  let [n, rankSum, ties] = [0, 0, 0]
  for (let from = 0; from < rows; ) {
    let to = from
    while (to < rows && scores[order[to] ?? 0] === scores[order[from] ?? 0]) to++
    const rank = (from + 1 + to) / 2 // mean of the ranks from + 1 … to
    for (let at = from; at < to; at++) {
      if (positive[order[at] ?? 0] !== true) continue
      n++
      rankSum += rank
    }
    ties += (to - from) ** 3 - (to - from)
    from = to
  }
  const m = rows - n
  if (n === 0 || m === 0) throw new RangeError('an area under the curve needs positives and negatives')
  const u = rankSum - (n * (n + 1)) / 2
  const variance = (rows + 1 - ties / (rows * (rows - 1))) / (12 * n * m)
  return { auc: u / (n * m), nullDeviation: Math.sqrt(Math.max(0, variance)) }
}
