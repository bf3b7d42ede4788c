import { seededRandom } from '../../core/random.ts'
import { type Dispersion, dispersionAt } from '../../stats/dispersion.ts'
import { upperQuantile } from '../../stats/quantile.ts'
import { ece, reliabilityBins } from '../../stats/reliability.ts'
import { gammaUpper, studentUpper } from '../../stats/special.ts'
import { expectedRight as expectedOf, fitTopLabel, type TopLabelCalibrator } from '../../stats/top-label.ts'
import { type WeightedAccuracy, weightedAccuracy } from '../../stats/weighted-accuracy.ts'
import { type Outcome, percent } from './outcome.ts'
import type { LabelledPost } from './summary.ts'

/** Labels below which nothing is tested with them. */
export const fewestLabels = 20

/** Accuracy on labels, over all posts however they were chosen. */
export const measure = (posts: readonly LabelledPost[]): WeightedAccuracy | undefined =>
  weightedAccuracy(
    posts.map(({ label, predicted }) => label === predicted),
    posts.map(({ selectionProbability }) => selectionProbability),
  )

/** Classes are the model's, in the order of the probabilities; labels it does not know fit no curve and are left out. */
export function calibratorOf(
  posts: readonly LabelledPost[],
  classes: readonly string[],
): TopLabelCalibrator | undefined {
  const known = posts.filter(
    ({ label, probabilities }) => classes.includes(label) && probabilities.length === classes.length,
  )
  if (known.length < fewestToCalibrate) return undefined
  return fitTopLabel(
    known.flatMap(({ probabilities }) => probabilities),
    known.map(({ label }) => classes.indexOf(label)),
    classes.length,
  )
}

/** Isotonic curves through fewer labels than this says less than the model's own confidence. */
export const fewestToCalibrate = 200

/** Expected probability of being right, for each post; the model's own confidence without a calibrator. */
export const expectedRight = (
  calibrator: TopLabelCalibrator | undefined,
  posts: readonly { readonly probabilities: readonly number[] }[],
): Float64Array =>
  calibrator === undefined
    ? Float64Array.from(posts, ({ probabilities }) => probabilities.reduce((most, one) => Math.max(most, one), 0))
    : expectedOf(
        calibrator,
        posts.flatMap(({ probabilities }) => probabilities),
      )

interface LabelledOptions {
  /** Accuracy before, measured the same way. */
  readonly reference: WeightedAccuracy | undefined
  readonly calibrator: TopLabelCalibrator | undefined
  /** How much more than by chance the stream's accuracy varies from block to block. */
  readonly dispersion: Dispersion
  /** Posts of the window. */
  readonly posts: number
  readonly smallestEffect: number
}

/** What the labels of a window say: accuracy against before, accuracy against the estimate, calibration. */
export function labelledOutcomes(posts: readonly LabelledPost[], options: LabelledOptions): Outcome[] {
  const measured = measure(posts)
  if (measured === undefined || posts.length < fewestLabels) return []
  const { reference, dispersion, smallestEffect } = options
  const common = { segment: '', about: 'labels' as const, smallestEffect, liveRows: posts.length }
  // Few of neighbouring posts are labelled, and those few have as little in common as they are few.
  const share = Math.min(1, posts.length / Math.max(1, options.posts))
  const factor = 1 + (dispersionAt(dispersion, options.posts) - 1) * share
  const df = Math.max(
    1,
    Math.min(measured.effectiveAnswers, reference?.effectiveAnswers ?? measured.effectiveAnswers) - 1,
  )
  const outcomes: Outcome[] = []
  if (reference !== undefined && reference.answers >= fewestLabels) {
    const right =
      (reference.estimate * reference.effectiveAnswers + measured.estimate * measured.effectiveAnswers) /
      (reference.effectiveAnswers + measured.effectiveAnswers)
    const error = Math.sqrt(
      right * (1 - right) * factor * (1 / reference.effectiveAnswers + 1 / measured.effectiveAnswers),
    )
    const tail = (fall: number) => (error === 0 ? (fall > 0 ? 0 : 1) : studentUpper(fall / error, df))
    const fall = reference.estimate - measured.estimate
    outcomes.push({
      ...common,
      statistic: 'accuracy.measured',
      value: measured.estimate,
      p: Math.min(1, tail(fall)),
      effect: Math.max(0, fall),
      thresholdAt: (alpha) => reference.estimate - upperQuantile(tail, Math.min(alpha, 0.499)),
      decides: true,
      referenceRows: reference.answers,
      sentence: `accuracy on ${measured.answers} labels ${percent(reference.estimate)} → ${percent(measured.estimate)} (${percent(measured.low)} to ${percent(measured.high)})`,
    })
  }
  outcomes.push(gap(posts, measured, options, factor, df), calibration(posts, common, options))
  return outcomes
}

/**
 * Measured minus estimated accuracy of the same labelled posts. While only the posts change, both move together; when the
 * meaning of words changes the scores stay and the labels do not, and this is the only place where it shows.
 */
function gap(
  posts: readonly LabelledPost[],
  measured: WeightedAccuracy,
  { calibrator, smallestEffect, reference }: LabelledOptions,
  factor: number,
  df: number,
): Outcome {
  const expected = expectedRight(calibrator, posts)
  let [sum, difference, variance] = [0, 0, 0]
  posts.forEach(({ label, predicted, selectionProbability }, at) => {
    const [weight, chance] = [1 / selectionProbability, expected[at] ?? 0]
    sum += weight
    difference += weight * ((label === predicted ? 1 : 0) - chance)
    variance += weight * weight * Math.max(chance * (1 - chance), 0.01)
  })
  const known = reference?.effectiveAnswers ?? 0
  const calibrationError = known > 0 ? (measured.estimate * (1 - measured.estimate)) / known : 0
  const error = Math.sqrt(factor * (variance / sum ** 2 + calibrationError))
  const value = difference / sum
  const tail = (distance: number) => Math.min(1, 2 * studentUpper(distance / error, df))
  return {
    segment: '',
    about: 'labels',
    statistic: 'estimate.gap',
    value,
    p: tail(Math.abs(value)),
    effect: Math.abs(value),
    smallestEffect,
    thresholdAt: (alpha) => upperQuantile(tail, alpha),
    decides: calibrator !== undefined, // a model that was never calibrated on this stream is off from the start
    referenceRows: reference?.answers ?? 0,
    liveRows: posts.length,
    sentence: `labels show ${percent(measured.estimate)} where the scores promise ${percent(measured.estimate - value)}`,
  }
}

/** ECE of the labelled posts; its null draws right and wrong from the confidence, and takes a gamma tail. */
function calibration(
  posts: readonly LabelledPost[],
  common: Pick<Outcome, 'segment' | 'about' | 'smallestEffect' | 'liveRows'>,
  { calibrator, reference }: LabelledOptions,
): Outcome {
  const confidence = expectedRight(undefined, posts)
  const expected = expectedRight(calibrator, posts)
  const bins = Math.max(2, Math.min(15, Math.floor(posts.length / 20)))
  const eceOf = (right: readonly boolean[]) => ece(reliabilityBins(confidence, right, bins))
  const value = eceOf(posts.map(({ label, predicted }) => label === predicted))
  const random = seededRandom(11)
  const draws = Array.from({ length: 100 }, () => eceOf(Array.from(expected, (chance) => random() < chance)))
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length
  const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length
  const tail = (x: number) =>
    variance === 0 ? (x > mean ? 0 : 1) : gammaUpper(mean ** 2 / variance, (x * mean) / variance)
  return {
    ...common,
    statistic: 'calibration.ece',
    value,
    p: tail(value),
    effect: Math.max(0, value - mean),
    thresholdAt: (alpha) => upperQuantile(tail, alpha),
    decides: false,
    referenceRows: reference?.answers ?? 0,
    sentence: `expected calibration error ${percent(value)}, ${percent(mean)} by chance`,
  }
}
