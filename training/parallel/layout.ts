import type { Graph, Model, Tensor } from '../onnx/model.ts'

/** Where a trainable parameter lies in the flat arrays, in floats. */
export interface Entry {
  readonly name: string
  readonly dims: readonly number[]
  readonly offset: number
  readonly length: number
  readonly decays: boolean
}

/**
 * The trainable parameters as one flat array: first the dense ones, then the look-up tables. A table's gradient is kept
 * as the rows that a batch used: the dense gradient of a vocabulary of 100,000 words by 64 would be 25 MB per worker and
 * step to clear, write and add up, for some 2,000 rows in use.
 */
export interface Layout {
  readonly dense: readonly Entry[]
  readonly tables: readonly Entry[]
  /** Floats of the dense part; its gradient has this length. */
  readonly denseLength: number
  /** Floats of everything. */
  readonly length: number
}

/** Entries start on this many floats, so that 16-byte vectors never straddle two of them. */
const alignment = 4

export function layoutOf(
  model: Model,
  trainable: readonly string[],
  decays: readonly string[] | undefined,
  tableRows: number,
): Layout {
  const tensors = trainable.map((name) => trainableTensor(model.graph, name))
  const isTable = tableTest(model.graph, tableRows)
  let offset = 0
  const place = ({ name, dims, data }: Tensor): Entry => {
    const entry = {
      name,
      dims,
      offset,
      length: data.length,
      decays: decays?.includes(name) ?? dims.length >= 2,
    }
    offset += Math.ceil(data.length / alignment) * alignment
    return entry
  }
  const dense = tensors.filter((tensor) => !isTable(tensor)).map(place)
  const denseLength = offset
  const tables = tensors.filter(isTable).map(place)
  return { dense, tables, denseLength, length: offset }
}

function trainableTensor(graph: Graph, name: string): Tensor {
  const tensor = graph.initializers.get(name)
  if (tensor === undefined) throw new Error(`${name} is no initialiser of the graph`)
  if (tensor.type !== 'float32') throw new Error(`${name} is ${tensor.type}; only float32 can be trained`)
  return tensor
}

/** A look-up table: [rows, width], read by nothing but Gather on its first axis. */
function tableTest({ nodes, outputs }: Graph, tableRows: number): (tensor: Tensor) => boolean {
  const gathered = new Set<string>()
  const otherwise = new Set(outputs.map(({ name }) => name))
  for (const { op, domain, inputs, attributes } of nodes) {
    const axis = attributes.axis
    const isRowGather =
      op === 'Gather' && domain === '' && (axis === undefined || (axis.kind === 'int' && axis.value === 0n))
    for (const [position, name] of inputs.entries()) (isRowGather && position === 0 ? gathered : otherwise).add(name)
  }
  return ({ name, dims }) =>
    dims.length === 2 && (dims[0] ?? 0) >= tableRows && gathered.has(name) && !otherwise.has(name)
}
