import type { BackendName } from '../backends/backend.ts'
import type { Model } from '../onnx/model.ts'
import type { AdamWOptions } from '../optimiser.ts'

/** One graph input on the host, rows first. Graph inputs of type int64 are given as int32. */
export interface Feed {
  readonly dims: readonly number[]
  readonly data: Int32Array | Float32Array
}

/** By name of the graph input. All have the same number of rows. */
export type Feeds = Readonly<Record<string, Feed>>

export interface Batch {
  readonly feeds: Feeds
  /** [rows]: index of the class. */
  readonly labels: Int32Array
  /** [rows], ≥ 0, on top of the class weights; default 1. */
  readonly weights?: Float32Array
  /** [rows, classes]: logits of the version to learn from. Only used with `loss.distillation`. */
  readonly teacher?: Float32Array
  /** [rows], ≥ 0: how much each row learns from the teacher; 0 where it has none; default 1. */
  readonly teacherWeights?: Float32Array
}

/**
 * Cross-entropy as `torch.nn.CrossEntropyLoss` with weights, label smoothing and reduction `mean` defines it, plus,
 * with a teacher, `weight · T² · KL(softmax(teacher / T) ‖ softmax(student / T))`, its mean by teacher weight.
 */
export interface LossOptions {
  /** [classes]; default 1 each. */
  readonly classWeights?: readonly number[]
  /** 0 to 1; default 0. */
  readonly labelSmoothing?: number
  readonly distillation?: { readonly weight: number; readonly temperature: number }
}

export interface TrainerOptions {
  readonly model: Model
  /** Float initialisers to train, by name; the others stay as they are. */
  readonly trainable: readonly string[]
  /** Values to feed in place of the graph's inputs: cuts off frozen layers, whose output the caller computed. */
  readonly inputs?: readonly string[]
  /** Name of the graph output with [rows, classes]; default `logits`. */
  readonly output?: string
  /** Default `auto`. */
  readonly backend?: BackendName | 'auto'
  /** Threads that share each batch by rows; default 1. 0 runs in the caller's thread and blocks it (for tests). */
  readonly workers?: number
  /** A look-up table of at least this many rows keeps its gradient as the rows in use; default 1024. */
  readonly tableRows?: number
  readonly loss?: LossOptions
  readonly optimiser?: AdamWOptions
  /** Aborting ends the step in flight, which rejects with the signal's reason; the weights are those of the last whole step. */
  readonly signal?: AbortSignal
}

export interface StepResult {
  /** Of the whole batch, with the weights before the step. */
  readonly loss: number
  /** Global L2 norm of the gradient before clipping. */
  readonly gradientNorm: number
}

/**
 * A classifier in training. The weights live in shared memory; each worker computes the gradient of its rows, and the sum
 * is that of the whole batch up to rounding. The same seed, batches and number of workers give the same bytes.
 */
export interface Trainer extends AsyncDisposable {
  /** What really runs, not what was asked for. */
  readonly backend: BackendName
  readonly workers: number
  /**
   * One step of AdamW.
   *
   * @throws DriftlineError `TRAINING_DIVERGED` when the loss or the gradient is not finite (the weights stay as they
   * were), `TRAINING_MEMORY` when the backend has no memory left, `TRAINING_FAILED` when a worker dies
   */
  step(batch: Batch, learningRate: number): Promise<StepResult>
  /** Logits, [rows · classes], with the weights as they are. */
  evaluate(feeds: Feeds): Promise<Float32Array>
  /** Copies of the trainable parameters, by name. */
  parameters(): ReadonlyMap<string, Float32Array>
  /** Puts weights back, for example the best ones; the optimiser's moments stay. */
  restore(parameters: ReadonlyMap<string, Float32Array>): void
  /** Ends the workers and frees their memory. */
  close(): Promise<void>
}
