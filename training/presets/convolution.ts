import type { Random } from '../../core/random.ts'
import type { Model } from '../onnx/model.ts'
import { type GraphBuilder, graphBuilder } from './graph-builder.ts'
import { dense, head, maskColumn, maxPool, meanPool } from './layers.ts'

export interface ConvolutionShape {
  readonly vocabulary: number
  readonly classes: number
  readonly width: number
  /** Patterns over three neighbouring word pieces. */
  readonly filters: number
  readonly hidden: number
}

/**
 * Convolution over three neighbouring word pieces (Kim 2014, arXiv:1408.5882) beside the bag of the pieces themselves.
 *
 * The window is written as three shifted copies side by side and one multiplication, not as `Conv`: MatMul is the fast
 * path of every backend here (wasm has no gradient for a filter), and what the int8 variant knows how to quantise.
 *
 * Budget at 16,000 × 128 and 128 filters: 2.1 M numbers, 8.6 MB; per token 3 · 128 · 128 products, 1 MFLOP for a post of 20
 * pieces, so about 50,000 posts/s a core at onnxruntime's 95 GFLOP/s.
 */
export function convolution(shape: ConvolutionShape, random: Random): Model {
  const { vocabulary, classes, width, filters, hidden } = shape
  const g = graphBuilder('convolution', random)
  const mask = maskColumn(g) // [batch, tokens, 1]
  const rows = g.op('Gather', [g.parameter('words.weight', [vocabulary, width], { std: 0.1 }), g.inputIds])
  const words = g.op('Mul', [rows, mask]) // zeros at the padding, as beyond the ends
  const patterns = g.op('Relu', [dense(g, 'convolution', windows(g, words), 3 * width, filters)])
  const pools = [meanPool(g, words, mask), maxPool(g, g.op('Relu', [words]), mask), maxPool(g, patterns, mask)]
  const features = g.op('Concat', pools, { axis: 1 })
  return g.finish(head(g, features, 2 * width + filters, hidden, classes), classes)
}

/** x [batch, tokens, width] → each token between its neighbours [batch, tokens, 3 · width], zeros beyond the ends. */
function windows(g: GraphBuilder, x: string): string {
  const padded = g.op('Pad', [x, g.ints([0, 1, 0, 0, 1, 0])]) // [batch, tokens + 2, width]
  const slice = (start: number, end: number) => g.op('Slice', [padded, g.ints([start]), g.ints([end]), g.ints([1])])
  return g.op('Concat', [slice(0, -2), slice(1, -1), slice(2, 2_147_483_647)], { axis: 2 })
}
