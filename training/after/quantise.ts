import type { Attribute, Model, Node, Tensor } from '../onnx/model.ts'

/** Smaller products gain nothing: the classifier of 64 × 3 would only lose precision. */
const smallestProduct = 4096
/** Smaller tables stay float32: they are no weight in the file. */
const smallestTable = 65_536

/**
 * The dynamic int8 variant: each constant [inputs, outputs] of a `MatMul` becomes int8 with one scale per output, its
 * activations are quantised when they arrive; each constant table of a `Gather` becomes int8 with one scale per row.
 *
 *     x ─ DynamicQuantizeLinear ─ MatMulInteger(·, int8 weight) ─ Cast ─ Mul(x scale · weight scale)
 *     ids ─ Gather(int8 table) ─ Cast ─ Mul(Gather(row scale))
 *
 * Plain operators, not the fused ones of com.microsoft: those were 23–31 % slower.
 *
 * @returns a graph with the same inputs and outputs; nothing that it leaves alone is copied
 */
export function quantise(model: Model): Model {
  const { graph } = model
  const initializers = new Map(graph.initializers)
  const activations = new Map<string, string>() // a value → the prefix of its quantised form, made once
  const nodes: Node[] = []
  const done = new Map<string, Int8Columns>()
  const int8Of = (tensor: Tensor & { readonly type: 'float32' }, axis: 0 | 1): Int8Columns => {
    const known = done.get(tensor.name)
    if (known !== undefined) return known
    const made = axis === 1 ? byColumn(tensor) : byRow(tensor)
    done.set(tensor.name, made)
    initializers.set(made.weight.name, made.weight).set(made.scale.name, made.scale)
    return made
  }

  for (const node of graph.nodes) {
    const [first = '', second = ''] = node.inputs
    const output = node.outputs[0] ?? ''
    const weight = floatMatrix(graph.initializers.get(second), smallestProduct)
    const table = floatMatrix(graph.initializers.get(first), smallestTable)
    const make = (op: string, inputs: string[], name: string, attributes: Node['attributes'] = {}): string => {
      nodes.push({ name: `${name}_node`, op, domain: '', inputs, outputs: [name], attributes })
      return name
    }
    if (node.op === 'MatMul' && weight !== undefined) {
      const { weight: int8, scale } = int8Of(weight, 1)
      let x = activations.get(first)
      if (x === undefined) {
        x = `${first}.int8`
        activations.set(first, x)
        const outputs = [x, `${x}_scale`, `${x}_zero`]
        nodes.push({
          name: `${x}_node`,
          op: 'DynamicQuantizeLinear',
          domain: '',
          inputs: [first],
          outputs,
          attributes: {},
        })
      }
      const product = make('MatMulInteger', [x, int8.name, `${x}_zero`], `${output}.int32`)
      const real = make('Cast', [product], `${output}.float`, castToFloat)
      const scales = make('Mul', [`${x}_scale`, scale.name], `${output}.scale`)
      make('Mul', [real, scales], output)
    } else if (node.op === 'Gather' && table !== undefined && axisOf(node) === 0) {
      const { weight: int8, scale } = int8Of(table, 0)
      const rows = make('Gather', [int8.name, second], `${output}.int8`)
      const real = make('Cast', [rows], `${output}.float`, castToFloat)
      make('Mul', [real, make('Gather', [scale.name, second], `${output}.scale`)], output)
    } else nodes.push(node)
  }
  const used = new Set(nodes.flatMap(({ inputs }) => inputs))
  for (const name of done.keys()) if (!used.has(name)) initializers.delete(name)
  return { ...model, graph: { ...graph, nodes, initializers } }
}

interface Int8Columns {
  readonly weight: Tensor
  readonly scale: Tensor
}

const castToFloat: Readonly<Record<string, Attribute>> = { to: { kind: 'int', value: 1n } }

const axisOf = (node: Node): number => {
  const axis = node.attributes.axis
  return axis?.kind === 'int' ? Number(axis.value) : 0
}

type FloatTensor = Tensor & { readonly type: 'float32' }

function floatMatrix(tensor: Tensor | undefined, least: number): FloatTensor | undefined {
  if (tensor?.type !== 'float32' || tensor.dims.length !== 2 || tensor.data.length < least) return undefined
  return tensor
}

/** One scale per column: |weight| ≤ 127 · scale. */
function byColumn({ name, dims, data }: FloatTensor): Int8Columns {
  const [rows = 0, columns = 0] = dims
  const scales = new Float32Array(columns)
  data.forEach((value, at) => {
    const column = at % columns
    scales[column] = Math.max(scales[column] ?? 0, Math.abs(value) / 127)
  })
  const int8 = Int8Array.from(data, (value, at) => rounded(value, scales[at % columns]))
  return {
    weight: { name: `${name}.int8`, dims: [rows, columns], type: 'int8', data: int8 },
    scale: { name: `${name}.scale`, dims: [columns], type: 'float32', data: scales },
  }
}

/** One scale per row, dims [rows, 1], so that gathered rows broadcast with their scales. */
function byRow({ name, dims, data }: FloatTensor): Int8Columns {
  const [rows = 0, columns = 0] = dims
  const scales = new Float32Array(rows)
  data.forEach((value, at) => {
    const row = Math.floor(at / columns)
    scales[row] = Math.max(scales[row] ?? 0, Math.abs(value) / 127)
  })
  const int8 = Int8Array.from(data, (value, at) => rounded(value, scales[Math.floor(at / columns)]))
  return {
    weight: { name: `${name}.int8`, dims: [rows, columns], type: 'int8', data: int8 },
    scale: { name: `${name}.scale`, dims: [rows, 1], type: 'float32', data: scales },
  }
}

const rounded = (value: number, scale = 0): number => (scale === 0 ? 0 : Math.round(value / scale))
