import type { Random } from '../../core/random.ts'
import type { Model } from '../onnx/model.ts'
import { type GraphBuilder, graphBuilder } from './graph-builder.ts'
import { dense, maskColumn, meanPool } from './layers.ts'

export interface TransformerShape {
  readonly vocabulary: number
  readonly classes: number
  readonly layers: number
  readonly width: number
  /** Divides `width`. */
  readonly heads: number
  readonly feedForward: number
  /** Longest input in tokens. */
  readonly positions: number
}

/**
 * A small encoder with the normalisation in front of each block (Xiong et al. 2020, arXiv:2002.04745), which needs no
 * careful warm-up from scratch, and a mean over the tokens instead of a `[CLS]` that nothing has pre-trained.
 *
 * Budget at 2 layers of 128, 2 heads, 512 inner: 12 · 128² · 2 = 0.4 M numbers in the layers, 2 M in 16,000 rows of words;
 * per token 0.8 MFLOP, 16 MFLOP for a post of 20 pieces: 12 times the convolution's cost.
 */
export function transformer(shape: TransformerShape, random: Random): Model {
  const { vocabulary, classes, layers, width, positions } = shape
  const g = graphBuilder('transformer', random)
  const mask = maskColumn(g) // [batch, tokens, 1]
  const row = g.op('Unsqueeze', [g.op('Cast', [g.attentionMask], { to: 1 }), g.ints([1, 2])]) // [batch, 1, 1, tokens]
  const bias = g.op('Mul', [g.op('Sub', [row, g.float(1)]), g.float(10_000)]) // 0 for a token, −10,000 for padding
  const words = g.op('Gather', [g.parameter('words.weight', [vocabulary, width], { std: 0.05 }), g.inputIds])
  const table = g.parameter('positions.weight', [1, positions, width], { std: 0.05 })
  const tokens = g.op('Slice', [g.op('Shape', [g.inputIds]), g.ints([1]), g.ints([2])])
  let x = g.op('Add', [words, g.op('Slice', [table, g.ints([0]), tokens, g.ints([1])])]) // [batch, tokens, width]
  for (let layer = 0; layer < layers; layer++) x = block(g, `layer.${layer}`, x, bias, shape)
  const pooled = meanPool(g, layerNorm(g, 'final_norm', x, width), mask) // [batch, width]
  return g.finish(dense(g, 'classifier', pooled, width, classes), classes)
}

function block(g: GraphBuilder, name: string, x: string, bias: string, shape: TransformerShape): string {
  const { width, heads, feedForward } = shape
  const size = width / heads
  const project = (part: string, from: string) => linear(g, `${name}.${part}`, from, width, width)
  const normed = layerNorm(g, `${name}.attention_norm`, x, width)
  const split = (part: string, perm: readonly number[]) =>
    g.op('Transpose', [g.op('Reshape', [project(part, normed), g.ints([0, -1, heads, size])])], { perm })
  const query = split('query', [0, 2, 1, 3]) // [batch, heads, tokens, size]
  const key = split('key', [0, 2, 3, 1]) // [batch, heads, size, tokens]
  const value = split('value', [0, 2, 1, 3])
  const scores = g.op('Add', [g.op('Mul', [g.op('MatMul', [query, key]), g.float(1 / Math.sqrt(size))]), bias])
  const mixed = g.op('MatMul', [g.op('Softmax', [scores], { axis: -1 }), value]) // [batch, heads, tokens, size]
  const joined = g.op('Reshape', [g.op('Transpose', [mixed], { perm: [0, 2, 1, 3] }), g.ints([0, -1, width])])
  const attended = g.op('Add', [x, project('output', joined)])
  const inner = linear(g, `${name}.inner`, layerNorm(g, `${name}.inner_norm`, attended, width), width, feedForward)
  return g.op('Add', [attended, linear(g, `${name}.outer`, g.op('Relu', [inner]), feedForward, width)])
}

/** Smaller than `dense` begins: a residual block should start near the identity. */
function linear(g: GraphBuilder, name: string, x: string, inputs: number, outputs: number): string {
  const weight = g.parameter(`${name}.weight`, [inputs, outputs], { std: Math.sqrt(1 / inputs) / 2 })
  return g.op('Add', [g.op('MatMul', [x, weight]), g.parameter(`${name}.bias`, [outputs], { fill: 0 })])
}

const layerNorm = (g: GraphBuilder, name: string, x: string, width: number): string =>
  g.op(
    'LayerNormalization',
    [x, g.parameter(`${name}.weight`, [width], { fill: 1 }), g.parameter(`${name}.bias`, [width], { fill: 0 })],
    { axis: -1, epsilon: 1e-5 },
  )
