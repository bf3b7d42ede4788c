import type { Model } from './onnx/model.ts'
import type * as tf from './tf.ts'

/**
 * Numbers on the host: what a graph is fed with, and everything it derives from shapes and ids alone. int64 values are
 * kept as doubles, exact to 2⁵³. `bool` holds 0 and 1.
 */
export interface HostTensor {
  readonly type: 'float32' | 'int64' | 'int32' | 'bool'
  readonly dims: readonly number[]
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array
}

/** A float initialiser that gradients can reach: float32, or float16 that is computed in float32. */
export interface Parameter {
  readonly name: string
  readonly dims: readonly number[]
}

/** An ONNX graph as differentiable TensorFlow.js operations, on whichever backend is set when it runs. */
export interface Program {
  /** Names of what `run` must be fed with, in the order of the graph. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** In the order of the graph's initialisers; only those that the outputs depend on. */
  readonly parameters: readonly Parameter[]
  /**
   * Runs the graph. The caller owns the results and wraps the call in `tf.tidy` (or in `tf.variableGrads`, which does);
   * everything in between is released.
   *
   * @param feeds by input name; int32 data is accepted for an int64 input, a `tf.Tensor` for a float one
   * @param parameters by name: a tensor or variable for every entry of `parameters`
   * @returns one tensor per entry of `outputs`, in that order
   */
  run(
    feeds: Readonly<Record<string, HostTensor | tf.Tensor>>,
    parameters: ReadonlyMap<string, tf.Tensor>,
  ): readonly tf.Tensor[]
}

export interface CompileOptions {
  /**
   * Values to feed instead of computing them, by name: the graph is cut there. Default: the inputs of the graph. A float
   * value of the graph's inside cuts off the frozen layers below it.
   */
  readonly inputs?: readonly string[] | undefined
  /** Values to return; any value of the graph, for debugging and for cutting. Default: the outputs of the graph. */
  readonly outputs?: readonly string[] | undefined
}

/**
 * @throws DriftlineError `OPERATOR_UNSUPPORTED` with the operator, its domain, opset and node; `MODEL_INVALID` when the
 *   graph is not well formed
 */
export type Compile = (model: Model, options?: CompileOptions) => Program
