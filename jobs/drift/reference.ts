import type { CbpeCalibrator } from '../../stats/cbpe.ts'
import { type WordsNull, wordsNull } from './domain-classifier.ts'
import { calibratorOf, type Measured, measure } from './labelled.ts'
import type { LabelledPost, SampledPost, Summary } from './summary.ts'

/** All posts, or those of one source or language: '' or `source=…`, `lang=…`. */
export type Segment = string

/** A stretch of the stream that is normal by definition: what windows are compared with. */
export interface Baseline {
  /** Consecutive blocks of about equally many posts, by segment; '' holds all of them. */
  readonly segments: ReadonlyMap<Segment, readonly Summary[]>
  readonly sample: readonly SampledPost[]
  readonly labelled: readonly LabelledPost[]
  /** Of the model, in the order of its probabilities. */
  readonly classes: readonly string[]
}

/** A baseline with what is derived from it once, however many windows are compared. */
export interface Reference extends Baseline {
  readonly wordsNull: WordsNull | undefined
  /** `undefined` with too few labels: then the model's confidence is taken at its word. */
  readonly calibrator: CbpeCalibrator | undefined
  readonly measured: Measured | undefined
}

export const referenceOf = (baseline: Baseline): Reference => ({
  ...baseline,
  wordsNull: wordsNull(baseline.sample),
  calibrator: calibratorOf(baseline.labelled, baseline.classes),
  measured: measure(baseline.labelled),
})

/** The window, as much of it as a check needs. */
export interface Live {
  readonly segments: ReadonlyMap<Segment, Summary>
  readonly sample: readonly SampledPost[]
  readonly labelled: readonly LabelledPost[]
}
