import { checkFinite } from './checks.ts'
import { fitIsotonic, type Isotonic, isotonicAt } from './isotonic.ts'
import { argmax } from './softmax.ts'
import { twoSidedZ } from './special.ts'

/** One isotonic function per class, from the model's probability of the class to how often it was the truth. */
export type CbpeCalibrator = readonly Isotonic[]

/**
 * Fits the calibrator on labelled posts that the model was not trained on, class against the rest.
 *
 * @param probabilities [rows · classes], at least one row
 * @param truth [rows], index of the class
 * @throws RangeError when there is no row, a probability is NaN, or the lengths do not fit
 */
export function fitCbpe(probabilities: ArrayLike<number>, truth: ArrayLike<number>, classes: number): CbpeCalibrator {
  if (probabilities.length !== truth.length * classes) {
    throw new RangeError(`${probabilities.length} probabilities for ${truth.length} rows of ${classes}`)
  }
  return Array.from({ length: classes }, (_, index) =>
    fitIsotonic(
      Array.from(truth, (_label, row) => probabilities[row * classes + index] ?? Number.NaN),
      Array.from(truth, (label) => (label === index ? 1 : 0)),
    ),
  )
}

/** What a window's scores say about its quality, without a label. */
export interface PerformanceEstimate {
  readonly accuracy: number
  /** Mean over the classes that are expected to occur of recall. */
  readonly macroRecall: number
  /** [true class][predicted class], expected rows. */
  readonly confusion: readonly (readonly number[])[]
  /** Where the accuracy of this many posts lies in 95 % of windows if the calibration holds: the luck of the window alone. */
  readonly low: number
  readonly high: number
}

/**
 * Confidence-based performance estimation: a post that is predicted as class k is right with the calibrated probability of
 * k, so the expected accuracy is the mean of that, and the expected confusion adds up the calibrated probabilities of
 * all classes. The predictions are the model's own, before calibration; calibrated probabilities are made to sum to 1.
 *
 * It holds while the posts change but what a class means does not (covariate shift). Under concept drift it fails by
 * construction, and nothing in the scores can tell: compare it with labels.
 *
 * @param probabilities [rows · classes]
 * @returns undefined for an empty window
 * @throws RangeError when a probability is NaN or the last row is not whole
 * @see Białek et al. (2024), arXiv:2407.08649; Garg et al. (2022), arXiv:2201.04234 on the limits
 */
export function cbpe(calibrator: CbpeCalibrator, probabilities: ArrayLike<number>): PerformanceEstimate | undefined {
  const classes = calibrator.length
  const rows = probabilities.length / classes
  checkFinite(probabilities, 'probabilities')
  if (!Number.isInteger(rows)) throw new RangeError(`${probabilities.length} probabilities in rows of ${classes}`)
  if (rows === 0) return undefined
  const confusion = calibrator.map(() => calibrator.map(() => 0))
  let [expected, variance] = [0, 0]
  for (let row = 0; row < rows; row++) {
    const predicted = argmax(probabilities, row, classes)
    const shares = calibrated(calibrator, probabilities, row)
    shares.forEach((share, truth) => {
      const counts = confusion[truth]
      if (counts !== undefined) counts[predicted] = (counts[predicted] ?? 0) + share
    })
    const right = shares[predicted] ?? 0
    expected += right
    variance += right * (1 - right)
  }
  const recalls = confusion.flatMap((counts, index) => {
    const sum = counts.reduce((total, count) => total + count, 0)
    return sum > 0 ? [(counts[index] ?? 0) / sum] : []
  })
  const accuracy = expected / rows
  const half = (twoSidedZ(0.95) * Math.sqrt(variance)) / rows
  return {
    accuracy,
    macroRecall: recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length,
    confusion,
    low: Math.max(0, accuracy - half),
    high: Math.min(1, accuracy + half),
  }
}

/** Calibrated probabilities of one row, [classes]; the model's own where every class is calibrated to 0. */
function calibrated(calibrator: CbpeCalibrator, probabilities: ArrayLike<number>, row: number): readonly number[] {
  const own = calibrator.map((_, index) => probabilities[row * calibrator.length + index] ?? 0)
  const mapped = calibrator.map((curve, index) => isotonicAt(curve, own[index] ?? 0))
  const sum = mapped.reduce((total, share) => total + share, 0)
  return sum > 0 ? mapped.map((share) => share / sum) : own
}
