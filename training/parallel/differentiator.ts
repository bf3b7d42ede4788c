import type { BackendName } from '../backends/backend.ts'
import type { Model } from '../onnx/model.ts'
import type { Layout } from './layout.ts'
import type { LossTargets } from './loss.ts'
import type { GradientBuffer, SharedState } from './shared-state.ts'
import type { Feeds } from './trainer.ts'

/**
 * What a backend does for a worker: the gradient of some rows of a batch. Splitting the batch, adding up the workers'
 * gradients, clipping, AdamW, cancelling and failing are the same whatever computes; a backend that runs whole steps as
 * graphs implements this and nothing else.
 */
export interface Differentiator {
  /** The weights of the shared state have changed. */
  refresh(): void
  /** With the weights as they are. */
  logits(feeds: Feeds): { readonly values: Float32Array; readonly classes: number }
  /**
   * Forward and backward.
   *
   * @param targetsFor the loss, once the number of classes is known
   * @param into the dense parameters' gradient, written whole, and for each table of the layout the rows in use, each once,
   *   with their gradient
   * @param counts [tables]: how many rows; more than fit means that none were written and the step is done again with room
   * @returns the loss of these rows
   */
  gradient(feeds: Feeds, targetsFor: (classes: number) => LossTargets, into: GradientBuffer, counts: Int32Array): number
  dispose(): void
}

/** Plain data, so that it can be posted to a worker. */
export interface DifferentiatorSetup {
  readonly model: Model
  /** Values to feed in place of the graph's inputs. */
  readonly inputs: readonly string[] | undefined
  /** The logits. */
  readonly output: string
  readonly backend: BackendName
  readonly layout: Layout
  /** The weights in it change between steps; the gradient buffers may be replaced by larger ones. */
  readonly state: SharedState
}

/** @throws DriftlineError `BACKEND_UNAVAILABLE`, `MODEL_INVALID`, `OPERATOR_UNSUPPORTED`, `TRAINING_MEMORY` */
export type OpenDifferentiator = (setup: DifferentiatorSetup) => Promise<Differentiator>
