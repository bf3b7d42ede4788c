import { DriftlineError } from '../core/errors.ts'
import type { Model } from './onnx/model.ts'

/** Which part of a model is trained: everything, the last so many encoder layers with the head, or the head alone. */
export type Layers = 'all' | 'head' | number

/** `encoder.layer.11.attention`, `/transformer/layers.3/ffn`, `h.5.mlp`: the number of the layer. */
const layerNumber = /(?:^|[./_])(?:layer|layers|block|blocks|h)[._](\d+)(?=[./_])/i

function numberIn(path: string): number | undefined {
  const found = layerNumber.exec(path)?.[1]
  return found === undefined ? undefined : Number(found)
}

/**
 * Names of the float initialisers to train, by depth in the graph. Layers are recognised by the module path that
 * exporters leave in initialiser and node names; ALBERT, whose layers share their weights, has one.
 *
 * The head is what comes after the last layer. In a graph without numbered layers it is the last two multiplications
 * with what follows them: a hidden layer and the classifier.
 *
 * @throws DriftlineError `MODEL_INVALID` when layers are counted in a graph that does not number them, or has fewer
 */
export function trainableNames(model: Model, layers: Layers): string[] {
  const { nodes, initializers } = model.graph
  const isFloat = (name: string): boolean => /^float(16|32)$/.test(initializers.get(name)?.type ?? '')
  const isParameter = (name: string): boolean => isFloat(name) && (initializers.get(name)?.data.length ?? 0) > 1
  const users = nodes.map((node) => ({ node, parameters: node.inputs.filter(isParameter) }))
  const all = [...new Set(users.flatMap(({ parameters }) => parameters))]
  if (layers === 'all') return all

  const numbered = users.map(({ node, parameters }) => parameters.map((name) => numberIn(name) ?? numberIn(node.name)))
  // torch.onnx's newer exporter calls a folded matrix `val_12`; the bias that is added right behind it has the path.
  const next = numbered.map((_, at) =>
    numbered
      .slice(at)
      .flat()
      .find((layer) => layer !== undefined),
  )
  const layered = users.map(({ parameters }, at) =>
    parameters.map((name, index) => numbered[at]?.[index] ?? (name.includes('.') ? undefined : next[at])),
  )
  const deepest = layered.flat().reduce<number>((most, layer) => Math.max(most, layer ?? -1), -1)
  const lastLayered = layered.findLastIndex((numbers) => numbers.some((layer) => layer !== undefined))
  const products = nodes.flatMap(({ op }, index) => (op === 'MatMul' || op === 'Gemm' ? [index] : []))
  const headStart = deepest >= 0 ? lastLayered + 1 : (products.at(-2) ?? products.at(-1) ?? 0)
  const head = users.slice(headStart).flatMap(({ parameters }) => parameters)
  if (layers === 'head') return [...new Set(head)]

  if (layers > deepest + 1) {
    const reason =
      deepest < 0
        ? 'the layers of this graph have no numbers: train all of it, or the head'
        : 'the graph does not number that many layers'
    const details = { reason, asked: layers, layers: deepest + 1 }
    throw new DriftlineError('MODEL_INVALID', details)
  }
  const last = users.flatMap(({ parameters }, at) =>
    parameters.filter((_, index) => (layered[at]?.[index] ?? -1) > deepest - layers),
  )
  return [...new Set([...last, ...head])]
}
