import type { TopLabelCalibrator } from '../../stats/top-label.ts'
import type { WeightedAccuracy } from '../../stats/weighted-accuracy.ts'
import { type WordsNull, wordsNull } from './domain-classifier.ts'
import { calibratorOf, measure } from './labelled.ts'
import { type Vocabulary, vocabularyOf } from './new-words.ts'
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
export interface Reference extends Baseline, Vocabulary {
  /** How much words differ within the baseline, between stretches about as long as a window of so many posts. */
  wordsNull(posts: number): WordsNull | undefined
  /** `undefined` with too few labels: then the model's confidence is taken at its word. */
  readonly calibrator: TopLabelCalibrator | undefined
  readonly measured: WeightedAccuracy | undefined
}

export function referenceOf(baseline: Baseline): Reference {
  const nulls = new Map<number, WordsNull | undefined>()
  return {
    ...baseline,
    ...vocabularyOf(baseline.sample),
    wordsNull(posts) {
      // Rounded up by a fifth at most: many classifiers are fitted for one, and windows of a stream are about equally long.
      const size = Math.ceil(2 ** (Math.ceil(4 * Math.log2(Math.max(1, posts))) / 4))
      if (!nulls.has(size)) nulls.set(size, wordsNull(baseline.sample, size))
      return nulls.get(size)
    },
    calibrator: calibratorOf(baseline.labelled, baseline.classes),
    measured: measure(baseline.labelled),
  }
}

/** The window, as much of it as a check needs. */
export interface Live {
  readonly segments: ReadonlyMap<Segment, Summary>
  /** The same posts in consecutive stretches, of about equally many posts; as many for every segment. */
  readonly stretches: ReadonlyMap<Segment, readonly Summary[]>
  /** `block` says of which stretch a post is. */
  readonly sample: readonly SampledPost[]
  readonly labelled: readonly LabelledPost[]
}
