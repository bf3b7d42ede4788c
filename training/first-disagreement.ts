import * as ort from 'onnxruntime-node'
import type { Graph, Model } from './onnx/model.ts'
import { encodeModel } from './onnx/write.ts'
import { compile, type HostFeed, parameterValues } from './program.ts'
import * as tf from './tf.ts'

export interface Disagreement {
  /** Name of the value, and of the node that makes it. */
  readonly value: string
  readonly node: string
  readonly op: string
  /** Position of the element that differs most, or −1 when the shapes differ. */
  readonly element: number
  readonly ours: number
  readonly theirs: number
  readonly shapes: readonly [ours: readonly number[], theirs: readonly number[]]
}

export interface DisagreementOptions {
  /** Allowed: |ours − theirs| ≤ tolerance · max(1, |theirs|). Default 1e-4. */
  readonly tolerance?: number
  /** Default: the values in the model. */
  readonly parameters?: ReadonlyMap<string, Float32Array>
}

/**
 * Where a program and onnxruntime part: the first value, in the order of the graph, that they compute differently. Every
 * value is kept and compared, so this is for finding a fault and not for running models.
 */
export async function firstDisagreement(
  model: Model,
  feeds: Readonly<Record<string, HostFeed>>,
  options: DisagreementOptions = {},
): Promise<Disagreement | undefined> {
  const makers = new Map(model.graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  makers.delete('')
  const names = [...makers.keys()]
  const theirs = await byOnnxruntime(withOutputs(model, names), feeds)
  const ours = byProgram(model, names, feeds, options.parameters)
  for (const [name, node] of makers) {
    const [a, b] = [ours.get(name), theirs.get(name)]
    if (a === undefined || b === undefined) continue
    const shapes = [a.dims, b.dims] as const
    const found = a.dims.join() === b.dims.join() ? worst(a.values, b.values, options.tolerance ?? 1e-4) : -1
    if (found === undefined) continue
    const [mine, their] = [a.values[found] ?? Number.NaN, b.values[found] ?? Number.NaN]
    return { value: name, node: node.name, op: node.op, element: found, ours: mine, theirs: their, shapes }
  }
  return undefined
}

interface Result {
  readonly dims: readonly number[]
  readonly values: readonly number[]
}

const withOutputs = (model: Model, names: readonly string[]): Model => {
  const outputs: Graph['outputs'] = names.map((name) => ({ name, type: 'other', shape: undefined }))
  return { ...model, graph: { ...model.graph, outputs } }
}

async function byOnnxruntime(model: Model, feeds: Readonly<Record<string, HostFeed>>): Promise<Map<string, Result>> {
  const session = await ort.InferenceSession.create(encodeModel(model), { graphOptimizationLevel: 'disabled' })
  try {
    const inputs = model.graph.inputs.flatMap(({ name, type }) => {
      const feed = feeds[name]
      if (feed === undefined) return []
      const { data } = feed
      const tensor =
        type === 'int64'
          ? new ort.Tensor('int64', BigInt64Array.from(data, BigInt), [...feed.dims])
          : new ort.Tensor(data, [...feed.dims])
      return [[name, tensor] as const]
    })
    const results = await session.run(Object.fromEntries(inputs))
    return new Map(
      Object.entries(results).map(([name, { dims, data }]) => [
        name,
        { dims, values: Array.from(data as Iterable<number | bigint | boolean>, Number) },
      ]),
    )
  } finally {
    await session.release()
  }
}

function byProgram(
  model: Model,
  names: readonly string[],
  feeds: Readonly<Record<string, HostFeed>>,
  values: DisagreementOptions['parameters'],
): Map<string, Result> {
  const program = compile(model, { outputs: names })
  const own = parameterValues(model, program)
  const outputs = tf.tidy(() => {
    const parameters = program.parameters.map(({ name, dims }): [string, tf.Tensor] => {
      const data = values?.get(name) ?? own.get(name) ?? new Float32Array(0)
      return [name, tf.tensor(Float32Array.from(data), [...dims])]
    })
    return [...program.run(feeds, new Map(parameters))]
  })
  const results = outputs.map((output, index): [string, Result] => [
    names[index] ?? '',
    { dims: output.shape, values: Array.from(output.dataSync()) },
  ])
  tf.dispose(outputs)
  return new Map(results)
}

/** The element with the largest error, if that is too large. */
function worst(ours: readonly number[], theirs: readonly number[], tolerance: number): number | undefined {
  const errors = theirs.map((expected, index) => errorOf(ours[index] ?? Number.NaN, expected))
  const largest = errors.reduce((a, b) => Math.max(a, b), 0)
  return largest > tolerance ? errors.indexOf(largest) : undefined
}

/** Relative above 1, absolute below; infinite when one is no number. Ends of integer types are equal to each other. */
function errorOf(ours: number, theirs: number): number {
  const bothAtEnd = Math.abs(ours) >= 2 ** 31 - 1 && Math.abs(theirs) >= 2 ** 31 - 1
  if (Object.is(ours, theirs) || ours === theirs || bothAtEnd) return 0
  const error = Math.abs(ours - theirs) / Math.max(1, Math.abs(theirs))
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error
}
