import { toFloat16 } from '../onnx/float16.ts'
import type { Graph, Model, Node, Tensor } from '../onnx/model.ts'
import { valuesReadBy } from '../plan.ts'

/** Where the time goes; a product of two activations counts when one of them is half already. */
const products: ReadonlySet<string> = new Set(['MatMul', 'Gemm', 'Conv'])

/** As exact in float16 as what goes in: they move values, or do to each of them one thing that cannot overflow by adding up. */
const followers: ReadonlySet<string> = new Set([
  ...['Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Slice', 'Split', 'Concat', 'Gather', 'Identity'],
  ...['Add', 'Sub', 'Mul', 'Div', 'Relu', 'LeakyRelu', 'Tanh', 'Sigmoid', 'Erf', 'Gelu', 'GlobalMaxPool'],
])
/** Of these only the first input is a float. */
const indexed: ReadonlySet<string> = new Set([
  ...['Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Slice', 'Split', 'Gather', 'Identity'],
])

/** How exporters compute a scale such as √(width of a head): of shapes and constants alone. */
const scalars: ReadonlySet<string> = new Set([
  ...['Shape', 'Gather', 'Slice', 'Cast', 'Sqrt', 'Div', 'Mul', 'Squeeze', 'Unsqueeze', 'Reshape'],
])

/** Smaller products and tables gain nothing: the classifier of 64 × 3 would only lose precision. */
const smallestConstant = 4096
/** The range of normal float16 numbers. */
const range = { least: 2 ** -14, most: 65_504 }

/**
 * The float16 variant, for GPUs, whose tensor cores multiply float16 several times faster than float32: large constants
 * are stored in float16, products and what follows them are computed in it. All else stays float32, by `Cast`s between:
 * inputs and outputs, small products, Softmax, LayerNormalization and what it is made of in older graphs (sums over
 * hundreds of values, squares and ε = 10⁻¹² leave float16's range), residual sums, and whatever a constant such as the
 * mask's −3.4·10³⁸ does not fit.
 *
 *     x ─ Cast(float16) ─ MatMul(·, float16 weight) ─ Add(float16 bias) ─ Reshape ─ … ─ Cast(float32) ─ Softmax
 *
 * @param smallest elements of a constant that is worth it
 * @returns a graph with the same inputs and outputs; nothing that it leaves alone is copied
 */
export function halve(model: Model, smallest = smallestConstant): Model {
  const { graph } = model
  const constants = constantsOf(graph)
  const scales = scalesOf(graph, constants)
  const initializers = new Map(graph.initializers)
  /** Values that are computed in float16; those that exist in it under `halfName`; those that exist in nothing else. */
  const computed = new Set<string>()
  const halves = new Set<string>()
  const onlyHalf = new Set<string>()
  const nodes: Node[] = []

  const half = (name: string): string => {
    const constant = constants.get(name)
    const made = halfName(constant?.name ?? name)
    if (halves.has(name) || initializers.has(made)) return made
    if (constant === undefined) {
      nodes.push(cast(name, made, float16))
      halves.add(name)
    } else {
      initializers.set(made, { name: made, dims: constant.dims, type: 'float16', data: toFloat16(constant.data) })
    }
    return made
  }
  const full = (name: string): void => {
    if (!onlyHalf.delete(name)) return
    nodes.push(cast(halfName(name), name, float32))
  }

  for (const node of graph.nodes) {
    const floats = indexed.has(node.op) ? node.inputs.slice(0, 1) : node.inputs
    if (!suits(node, floats, constants, scales, computed, smallest)) {
      const shapeOfHalf = node.op === 'Shape' && onlyHalf.has(node.inputs[0] ?? '') // it takes any type
      if (!shapeOfHalf) for (const name of valuesReadBy(node)) full(name)
      nodes.push(shapeOfHalf ? { ...node, inputs: node.inputs.map(halfName) } : node)
      continue
    }
    const inputs = node.inputs.map((name, index) => (index < floats.length && name !== '' ? half(name) : name))
    for (const name of node.inputs.slice(floats.length)) full(name)
    nodes.push({ ...node, inputs, outputs: node.outputs.map((name) => (name === '' ? '' : halfName(name))) })
    for (const name of node.outputs) {
      for (const values of [computed, halves, onlyHalf]) values.add(name)
    }
  }
  for (const { name } of graph.outputs) full(name)
  return { ...model, graph: withoutUnread({ ...graph, nodes, initializers }) }
}

const [float32, float16] = [1n, 10n]

const halfName = (name: string): string => `${name}.float16`

const cast = (from: string, to: string, type: bigint): Node => ({
  name: `${to}.cast`,
  op: 'Cast',
  domain: '',
  inputs: [from],
  outputs: [to],
  attributes: { to: { kind: 'int', value: type } },
})

type Constant = Tensor & { readonly type: 'float32' }

/** Float constants by every name under which the graph reads them. */
function constantsOf({ nodes, initializers }: Graph): ReadonlyMap<string, Constant> {
  const constants = new Map<string, Constant>()
  const note = (name: string | undefined, tensor: Tensor | undefined): void => {
    if (name !== undefined && tensor?.type === 'float32') constants.set(name, { ...tensor, name: tensor.name || name })
  }
  for (const [name, tensor] of initializers) note(name, tensor)
  for (const { op, inputs, outputs, attributes } of nodes) {
    if (op === 'Identity') note(outputs[0], constants.get(inputs[0] ?? ''))
    if (op === 'Constant' && attributes.value?.kind === 'tensor')
      note(outputs[0], { ...attributes.value.value, name: '' })
  }
  return constants
}

/** Values that follow from shapes and from constants within range. */
function scalesOf({ nodes, initializers }: Graph, constants: ReadonlyMap<string, Constant>): ReadonlySet<string> {
  const scales = new Set<string>()
  const known = (name: string): boolean => {
    const constant = constants.get(name)
    return scales.has(name) || (constant === undefined ? initializers.has(name) : fits(constant))
  }
  for (const { op, domain, inputs, outputs } of nodes) {
    const integer = op === 'Constant' && !constants.has(outputs[0] ?? '')
    if (integer || (domain === '' && scalars.has(op) && (op === 'Shape' || inputs.every(known)))) {
      for (const name of outputs) scales.add(name)
    }
  }
  return scales
}

function suits(
  { op, domain }: Node,
  floats: readonly string[],
  constants: ReadonlyMap<string, Constant>,
  scales: ReadonlySet<string>,
  computed: ReadonlySet<string>,
  smallest: number,
): boolean {
  if (domain !== '' || !(products.has(op) || followers.has(op))) return false
  const given = floats.flatMap((name) => constants.get(name) ?? [])
  if (!given.every(fits)) return false
  const values = floats.filter((name) => name !== '' && !constants.has(name))
  const large = given.some(({ dims, data }) => dims.length >= 2 && data.length >= smallest)
  const followsHalf = values.some((name) => computed.has(name))
  if (products.has(op)) return large || (given.length === 0 && followsHalf)
  if (op === 'Gather' || op === 'Transpose') return large || followsHalf
  return followsHalf && values.every((name) => computed.has(name) || scales.has(name))
}

/** A single number may not become 0; of a weight's many the smallest may. */
function fits({ data }: Constant): boolean {
  if (data.length === 1 && data[0] !== 0 && Math.abs(data[0] ?? 0) < range.least) return false
  return data.every((value) => Math.abs(value) <= range.most)
}

/** Without what is no longer read: constants of which only the float16 form is. */
function withoutUnread(graph: Graph): Graph {
  const read = new Set(graph.outputs.map(({ name }) => name))
  const nodes = graph.nodes
    .toReversed()
    .filter((node) => {
      const wanted = node.outputs.some((name) => read.has(name))
      if (wanted) for (const name of valuesReadBy(node)) read.add(name)
      return wanted
    })
    .toReversed()
  return { ...graph, nodes, initializers: new Map([...graph.initializers].filter(([name]) => read.has(name))) }
}
