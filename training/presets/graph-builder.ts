import type { Random } from '../../core/random.ts'
import type { Attribute, Graph, Model, Node, Tensor, ValueInfo } from '../onnx/model.ts'

/** How a parameter starts: normal with this standard deviation, or one value everywhere. */
export type Initial = { readonly std: number } | { readonly fill: number }

/** Writes a graph down operator by operator, in topological order; values are their names. */
export interface GraphBuilder {
  /** Adds a node with one output and returns the output's name. */
  op(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, number | readonly number[]>>): string
  /** A float32 initialiser that training changes. */
  parameter(name: string, dims: readonly number[], initial: Initial): string
  /** A float32 scalar. */
  float(value: number): string
  /** An int64 vector, or a scalar when given a number. */
  ints(values: number | readonly number[]): string
  /** Shape [batch, tokens], int64. */
  readonly inputIds: string
  /** Shape [batch, tokens], int64, 1 for a token and 0 for padding. */
  readonly attentionMask: string
  /** Names the last value `logits`, float32 [batch, classes], and closes the graph. */
  finish(last: string, classes: number): Model
}

/** Opset 17: the first with LayerNormalization, the last before the reductions changed their signature. */
const presetOpset = 17

/** In the model file: tells a preset of ours from an imported encoder. */
export const presetProducer = 'driftline'

/** @param random decides the initial parameters, in the order in which they are added */
export function graphBuilder(name: string, random: Random): GraphBuilder {
  const nodes: Node[] = []
  const initializers = new Map<string, Tensor>()
  const constants = new Map<string, string>()
  const counts = new Map<string, number>()

  const unique = (stem: string): string => {
    const count = counts.get(stem) ?? 0
    counts.set(stem, count + 1)
    return count === 0 ? stem : `${stem}_${count}`
  }
  const constant = (key: string, tensor: (name: string) => Tensor): string => {
    const known = constants.get(key)
    if (known !== undefined) return known
    constants.set(key, key)
    initializers.set(key, tensor(key))
    return key
  }

  return {
    inputIds: 'input_ids',
    attentionMask: 'attention_mask',
    op(op, inputs, attributes = {}) {
      const output = unique(op.toLowerCase())
      nodes.push({
        name: `${output}_node`,
        op,
        domain: '',
        inputs,
        outputs: [output],
        attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, attribute(key, value)])),
      })
      return output
    },
    parameter(parameterName, dims, initial) {
      const length = dims.reduce((product, dim) => product * dim, 1)
      const data = 'fill' in initial ? new Float32Array(length).fill(initial.fill) : normal(length, initial.std, random)
      initializers.set(parameterName, { name: parameterName, dims, type: 'float32', data })
      return parameterName
    },
    float(value) {
      return constant(`float_${value}`, (key) => ({
        name: key,
        dims: [],
        type: 'float32',
        data: Float32Array.of(value),
      }))
    },
    ints(values) {
      const list = typeof values === 'number' ? [values] : values
      const dims = typeof values === 'number' ? [] : [values.length]
      const data = BigInt64Array.from(list, (value) => BigInt(value))
      return constant(`int_${dims.length}_${list.join('_')}`, (key) => ({ name: key, dims, type: 'int64', data }))
    },
    finish(last, classes) {
      nodes.push({
        name: 'logits_node',
        op: 'Identity',
        domain: '',
        inputs: [last],
        outputs: ['logits'],
        attributes: {},
      })
      const ids = (input: string): ValueInfo => ({ name: input, type: 'int64', shape: ['batch', 'tokens'] })
      const graph: Graph = {
        name,
        nodes,
        initializers,
        inputs: [ids('input_ids'), ids('attention_mask')],
        outputs: [{ name: 'logits', type: 'float32', shape: ['batch', classes] }],
      }
      return { irVersion: 8, producer: presetProducer, opsets: new Map([['', presetOpset]]), graph, metadata: {} }
    },
  }
}

/** Attributes that the ONNX specification types as float; a whole number there must not be written as an int. */
const floatAttributes: ReadonlySet<string> = new Set(['epsilon', 'alpha', 'beta', 'value_float'])

function attribute(key: string, value: number | readonly number[]): Attribute {
  if (typeof value !== 'number') return { kind: 'ints', value: value.map((item) => BigInt(item)) }
  return floatAttributes.has(key) ? { kind: 'float', value } : { kind: 'int', value: BigInt(value) }
}

/** Box and Muller (1958): two normal numbers from two uniform ones. */
function normal(length: number, std: number, random: Random): Float32Array {
  const data = new Float32Array(length)
  for (let index = 0; index < length; index += 2) {
    const radius = std * Math.sqrt(-2 * Math.log(1 - random()))
    const angle = 2 * Math.PI * random()
    data[index] = radius * Math.cos(angle)
    if (index + 1 < length) data[index + 1] = radius * Math.sin(angle)
  }
  return data
}
