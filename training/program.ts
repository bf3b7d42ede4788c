import { DriftlineError } from '../core/errors.ts'
import { type HostType, hostTypeOfCode } from './kernels/host-tensor.ts'
import { upload, type Value } from './kernels/value.ts'
import { codeOfType } from './onnx/element-types.ts'
import { fromFloat16 } from './onnx/float16.ts'
import type { Graph, Model } from './onnx/model.ts'
import { execute, isParameter, owned, plan } from './plan.ts'
import * as tf from './tf.ts'

/** One input on the host, row-major. int32 data is accepted for inputs of any integer type. */
export interface HostFeed {
  readonly dims: readonly number[]
  readonly data: Int32Array | Float32Array
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
  /**
   * In the order of the graph's initialisers; only those that the outputs depend on, be it by their shape: above a cut,
   * graphs of the older exporter still ask the embeddings for theirs.
   */
  readonly parameters: readonly Parameter[]
  /**
   * Runs the graph. The caller owns the results and wraps the call in `tf.tidy` (or in `tf.variableGrads`, which does);
   * everything in between is released.
   *
   * @param feeds by input name
   * @param parameters by name: a tensor or variable for every entry of `parameters`
   * @returns one tensor per entry of `outputs`, in that order
   * @throws DriftlineError `MODEL_INVALID` with the node when the graph cannot be run on these feeds
   */
  run(
    feeds: Readonly<Record<string, HostFeed | tf.Tensor>>,
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

/** The opsets whose semantics the kernels follow. */
const opsets = { first: 11, last: 21 }

/**
 * @throws DriftlineError `OPERATOR_UNSUPPORTED` with the operator, its domain, opset and node; `MODEL_INVALID` when the
 *   graph is not well formed
 */
export function compile(model: Model, options: CompileOptions = {}): Program {
  const { graph } = model
  const opset = model.opsets.get('') ?? 0
  if (opset < opsets.first || opset > opsets.last) {
    throw new DriftlineError('OPERATOR_UNSUPPORTED', { reason: 'another opset', opset, ...opsets })
  }
  const cut = options.inputs ?? graph.inputs.map(({ name }) => name).filter((name) => !graph.initializers.has(name))
  const outputs = options.outputs ?? graph.outputs.map(({ name }) => name)
  const trainable = [...graph.initializers.values()].filter(isParameter)
  const given = new Set([...cut, ...trainable.map(({ name }) => name)])
  const steps = plan(graph, { opsets: model.opsets, outputs, given })
  const read = new Set([...steps.steps.flatMap(({ reads }) => reads), ...outputs])
  const parameters = trainable.filter(({ name }) => read.has(name)).map(({ name, dims }) => ({ name, dims }))
  const inputs = cut.filter((name) => read.has(name))
  const types = inputTypes(graph)
  return {
    inputs,
    outputs,
    parameters,
    run: (feeds, values) =>
      tf.tidy(() => {
        const scope = new Map<string, Value>()
        for (const name of inputs) scope.set(name, fed(name, feeds[name], types.get(name)))
        for (const { name } of parameters) scope.set(name, present(name, values.get(name)))
        return owned(execute(steps, scope).map(upload), scope).map(upload)
      }),
  }
}

const inputTypes = ({ inputs }: Graph): ReadonlyMap<string, HostType> =>
  new Map(inputs.map(({ name, type }) => [name, hostTypeOfCode.get(codeOfType(type)) ?? 'float32']))

/** Floats go to the backend at once; integers stay on the host, where shapes, masks and positions are made of them. */
function fed(name: string, feed: HostFeed | tf.Tensor | undefined, type: HostType | undefined): Value {
  const value = present(name, feed)
  if (value instanceof tf.Tensor) return value
  const { dims, data } = value
  if (data instanceof Float32Array) return upload({ type: 'float32', dims, data })
  if (type === undefined || type === 'int64') return { type: 'int64', dims, data: Float64Array.from(data) }
  if (type === 'float32') return upload({ type, dims, data: Float32Array.from(data) })
  return { type, dims, data: type === 'bool' ? Uint8Array.from(data) : data }
}

function present<T>(name: string, value: T | undefined): T {
  if (value === undefined) throw new Error(`the program needs a value for ${name}`)
  return value
}

/** The parameters' values in a model, in float32, by name. Those of float32 are views of the model's own memory. */
export function parameterValues(model: Model, { parameters }: Program): ReadonlyMap<string, Float32Array> {
  return new Map(
    parameters.map(({ name }) => {
      const tensor = present(name, model.graph.initializers.get(name))
      if (tensor.type === 'float32') return [name, tensor.data]
      if (tensor.type === 'float16') return [name, fromFloat16(tensor.data)]
      throw new Error(`${name} is no parameter of this model`)
    }),
  )
}
