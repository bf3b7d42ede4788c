import { checkFinite, checkSameLength } from './checks.ts'

/** The posts whose confidence lies in one bin. */
export interface ReliabilityBin {
  /** from ≤ confidence < to; the last bin holds 1 as well. */
  readonly from: number
  readonly to: number
  readonly rows: number
  /** Means over the bin's rows; 0 when there are none. */
  readonly confidence: number
  readonly accuracy: number
}

/**
 * Confidence against accuracy in equal bins from 0 to 1, the points of a reliability diagram.
 *
 * @param confidence [rows], probability of the predicted class, 0 to 1
 * @param right [rows], whether the prediction was right
 * @param bins ≥ 1
 * @throws RangeError when lengths differ or a confidence is NaN or outside 0 to 1
 */
export function reliabilityBins(
  confidence: ArrayLike<number>,
  right: ArrayLike<boolean>,
  bins = 15,
): readonly ReliabilityBin[] {
  checkSameLength(confidence, right, 'confidence against right')
  checkFinite(confidence, 'confidence')
  const [rows, sum, hits] = [new Float64Array(bins), new Float64Array(bins), new Float64Array(bins)]
  for (let row = 0; row < confidence.length; row++) {
    const sure = confidence[row] ?? 0
    if (sure < 0 || sure > 1 + 1e-9) throw new RangeError(`confidence[${row}] is ${sure}, not between 0 and 1`)
    const bin = Math.min(bins - 1, Math.floor(sure * bins))
    rows[bin] = (rows[bin] ?? 0) + 1
    sum[bin] = (sum[bin] ?? 0) + sure
    hits[bin] = (hits[bin] ?? 0) + (right[row] === true ? 1 : 0)
  }
  return Array.from(rows, (count, bin) => ({
    from: bin / bins,
    to: (bin + 1) / bins,
    rows: count,
    confidence: count === 0 ? 0 : (sum[bin] ?? 0) / count,
    accuracy: count === 0 ? 0 : (hits[bin] ?? 0) / count,
  }))
}

/**
 * Expected calibration error: Σ |confidence − accuracy| · share of rows over the bins (Naeini, Cooper and Hauskrecht 2015;
 * Guo et al. 2017, arXiv:1706.04599). It is biased upwards in small samples: a perfectly calibrated classifier gets up to about
 * √(2 / π) · √(accuracy (1 − accuracy) · bins / rows).
 *
 * @returns 0 to 1; 0 when there are no rows
 */
export function ece(bins: readonly ReliabilityBin[]): number {
  const rows = bins.reduce((sum, bin) => sum + bin.rows, 0)
  return bins.reduce((sum, bin) => sum + Math.abs(bin.confidence - bin.accuracy) * bin.rows, 0) / Math.max(1, rows)
}
