import type { DriftlineError } from '../core/errors.ts'
import type { Variant } from '../models/variants.ts'

export interface Scored {
  readonly label: string
  /** Probability of `label`, 0 to 1. */
  readonly confidence: number
  /** Softmax of the logits, in the order of `Scorer.labels`; sums to 1. */
  readonly probabilities: readonly number[]
  /** Highest minus second highest probability, 0 to 1. */
  readonly margin: number
  /** Tokens given to the model, special ones included, after truncation. */
  readonly tokens: number
  readonly unknownTokens: number
  /** Microseconds of model time: that of the run the text was in, divided by its rows. */
  readonly inferenceUs: number
}

/** A model that is loaded, warmed and ready. It runs in worker threads: `run()` would block the event loop. */
export interface Scorer extends AsyncDisposable {
  readonly name: string
  readonly version: number
  readonly labels: readonly string[]
  /** The provider that was proved to be in use, not the one asked for. */
  readonly provider: 'cpu' | 'cuda' | 'webgpu'
  /** Threads that score. */
  readonly workers: number
  /**
   * Adds threads, one after another, until it has so many; it scores meanwhile.
   *
   * @throws DriftlineError when a thread cannot load the model; those that it has stay
   */
  grow(workers: number): Promise<void>
  /**
   * Gives its threads the usual priority, if they have a low one.
   *
   * @returns false where the system does not let them have it back
   */
  toForeground(): boolean
  /** Which numbers of the model run. */
  readonly variant: Variant
  /**
   * Scores texts, in their order. A text that the model cannot score comes back as its error, found by bisecting; the
   * others are scored.
   *
   * @throws DriftlineError `INFERENCE_FAILED`, or what else ended the last thread, when none is left and none can be started;
   *   whatever closed the scorer
   */
  score(texts: readonly string[]): Promise<readonly (Scored | DriftlineError)[]>
}
