import type { Graph, Model, Tensor } from '../onnx/model.ts'

/** Initialiser that holds 1/T, of dims []. */
const scaleName = 'calibration.inverse_temperature'
const uncalibrated = 'logits_uncalibrated'

/**
 * Folds a temperature into the graph: its output `logits` becomes `logits / T`, by one multiplication at the end. A
 * graph that was calibrated before gets its constant multiplied instead, so nothing piles up over versions.
 */
export function withTemperature(model: Model, temperature: number): Model {
  const { graph } = model
  const before = graph.initializers.get(scaleName)
  const old = before?.type === 'float32' ? (before.data[0] ?? 1) : 1
  const scale: Tensor = { name: scaleName, dims: [], type: 'float32', data: Float32Array.of(old / temperature) }
  const initializers = new Map(graph.initializers).set(scaleName, scale)
  if (before !== undefined) return { ...model, graph: { ...graph, initializers } }
  return { ...model, graph: { ...graph, nodes: scaledNodes(graph), initializers } }
}

function scaledNodes(graph: Graph): Graph['nodes'] {
  const rename = (names: readonly string[]) => names.map((name) => (name === 'logits' ? uncalibrated : name))
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: rename(node.inputs), outputs: rename(node.outputs) }))
  const multiply = {
    name: 'calibration',
    op: 'Mul',
    domain: '',
    inputs: [uncalibrated, scaleName],
    outputs: ['logits'],
    attributes: {},
  }
  return [...nodes, multiply]
}
