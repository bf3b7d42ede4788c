import * as ort from 'onnxruntime-node'
import type { Attribute, Graph, Model, Node, Tensor, ValueInfo } from '../../onnx/model.ts'
import { encodeModel } from '../../onnx/write.ts'
import { compile } from '../../program.ts'
import * as tf from '../../tf.ts'
import { fromTensor } from '../host-tensor.ts'
import { upload } from '../value.ts'

/** An attribute from a plain value: a bigint is an integer, a number a float. */
export type AttributeInput = bigint | number | string | readonly bigint[] | readonly number[] | Tensor | Graph

function attributeOf(value: AttributeInput): Attribute {
  if (typeof value === 'bigint') return { kind: 'int', value }
  if (typeof value === 'number') return { kind: 'float', value }
  if (typeof value === 'string') return { kind: 'string', value }
  if ('dims' in value) return { kind: 'tensor', value }
  if ('nodes' in value) return { kind: 'graph', value }
  const integers = value.filter((entry) => typeof entry === 'bigint')
  if (integers.length === value.length) return { kind: 'ints', value: integers }
  return { kind: 'floats', value: value.filter((entry) => typeof entry === 'number') }
}

/** A node of the standard domain. */
export const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeInput>> = {},
): Node => ({
  name: `the ${op}`,
  op,
  domain: '',
  inputs,
  outputs,
  attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)])),
})

export const modelOf = (
  nodes: readonly Node[],
  inputs: readonly ValueInfo[],
  outputs: readonly string[],
  opset: number,
): Model => ({
  irVersion: 8,
  producer: 'driftline',
  opsets: new Map([['', opset]]),
  graph: {
    name: 'graph',
    nodes,
    initializers: new Map(),
    inputs,
    outputs: outputs.map((name) => ({ name, type: 'other', shape: undefined })),
  },
  metadata: {},
})

export interface OneNode {
  readonly op: string
  readonly opset: number
  readonly inputs: readonly (Tensor | undefined)[]
  readonly attributes: Readonly<Record<string, AttributeInput>>
  readonly outputs: number
}

const nameOf = (index: number): string => `in${index}`

const outputNames = ({ outputs }: OneNode): string[] => Array.from({ length: outputs }, (_, index) => `out${index}`)

const present = (inputs: OneNode['inputs']): [string, Tensor][] =>
  inputs.flatMap((tensor, index): [string, Tensor][] => (tensor === undefined ? [] : [[nameOf(index), tensor]]))

const theNode = (it: OneNode): Node =>
  node(
    it.op,
    it.inputs.map((tensor, index) => (tensor === undefined ? '' : nameOf(index))),
    outputNames(it),
    it.attributes,
  )

/** The operands are inputs of the graph. */
export const fedModel = (it: OneNode): Model =>
  modelOf(
    [theNode(it)],
    present(it.inputs).map(([name, { type, dims }]) => ({ name, type, shape: dims })),
    outputNames(it),
    it.opset,
  )

/** The operands are constants, so that all is computed on the host where the kernel can do that. */
const constantModel = (it: OneNode): Model =>
  modelOf(
    [...present(it.inputs).map(([name, value]) => node('Constant', [], [name], { value })), theNode(it)],
    [],
    outputNames(it),
    it.opset,
  )

export interface Answer {
  readonly dims: readonly number[]
  readonly values: readonly number[]
}

export async function byOnnxruntime(it: OneNode): Promise<Answer[]> {
  const session = await ort.InferenceSession.create(encodeModel(fedModel(it)), { logSeverityLevel: 4 })
  try {
    const feeds = Object.fromEntries(
      present(it.inputs).map(([name, tensor]) => {
        if (tensor.type === 'other' || tensor.type === 'bfloat16') throw new Error(`${tensor.type} cannot be fed`)
        return [name, new ort.Tensor(tensor.type, tensor.data, [...tensor.dims])]
      }),
    )
    const results = await session.run(feeds)
    return outputNames(it).map((name) => {
      const { dims, data } = results[name] ?? never(name)
      return { dims, values: Array.from(data as Iterable<number | bigint | boolean>, Number) }
    })
  } finally {
    await session.release()
  }
}

/** Floats come from the backend; integers and truth values are on the host, unless `device` puts them there too. */
export function byProgram(it: OneNode, where: 'host' | 'mixed' | 'device'): Answer[] {
  const program = compile(where === 'host' ? constantModel(it) : fedModel(it))
  return tf.tidy(() => {
    const feeds =
      where === 'host'
        ? {}
        : Object.fromEntries(present(it.inputs).map(([name, tensor]) => [name, feed(tensor, where)]))
    return program
      .run(feeds, new Map())
      .map((result) => ({ dims: result.shape, values: Array.from(result.dataSync()) }))
  })
}

export function feed(tensor: Tensor, where: 'mixed' | 'device') {
  const value = fromTensor(tensor) ?? never(tensor.name)
  if (where === 'device' || value.type === 'float32') return upload(value)
  // An end of a slice may be ±2⁶³, which stands for as far as it goes.
  return {
    dims: value.dims,
    data: Int32Array.from(value.data, (each) => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, each))),
  }
}

export function never(what: string): never {
  throw new Error(`${what} is missing`)
}
