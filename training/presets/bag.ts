import type { Random } from '../../core/random.ts'
import type { Model } from '../onnx/model.ts'
import { type GraphBuilder, graphBuilder } from './graph-builder.ts'
import { head, maskColumn, maxPool, meanPool } from './layers.ts'

export interface BagShape {
  readonly vocabulary: number
  readonly classes: number
  /** Width of a word piece's embedding. */
  readonly width: number
  /** Rows of the table of neighbouring pairs; pairs that fall on the same row share it. */
  readonly buckets: number
  /** Width of a pair's embedding. */
  readonly pairWidth: number
  readonly hidden: number
}

/**
 * Hashed n-gram bag: the mean and the maximum over word pieces and over pairs of neighbours, then one hidden layer. The
 * hash is computed in the graph, so the same file needs nothing but token ids (Joulin et al. 2017, arXiv:1607.01759).
 *
 * Budget at 16,000 × 96 pieces and 32,768 × 32 pairs: 2.6 M numbers, 10.4 MB; per token two rows are read and nothing is
 * multiplied, per post 256 × 64 + 64 × 3 products. That is why it is the fastest preset.
 */
export function bag(shape: BagShape, random: Random): Model {
  const { vocabulary, classes, width, buckets, pairWidth, hidden } = shape
  const g = graphBuilder('bag', random)
  const mask = maskColumn(g) // [batch, tokens, 1]
  // std 0.1: the mean of 25 rows then has a spread of 0.02, and a single step of Adam at 2e-3 does not drown it
  const words = g.op('Gather', [g.parameter('words.weight', [vocabulary, width], { std: 0.1 }), g.inputIds])
  const pairs = g.op('Gather', [g.parameter('pairs.weight', [buckets, pairWidth], { std: 0.03 }), pairHash(g, buckets)])
  const features = g.op(
    'Concat',
    [words, pairs].flatMap((rows) => [meanPool(g, rows, mask), maxPool(g, g.op('Relu', [rows]), mask)]),
    { axis: 1 },
  ) // [batch, 2 · width + 2 · pairWidth]
  return g.finish(head(g, features, 2 * (width + pairWidth), hidden, classes), classes)
}

/**
 * (65521 · id + next id) mod buckets, [batch, tokens]; 65521 is the largest prime below 2¹⁶, so the product of an id
 * below 32,768 stays inside int32 on a backend without int64. Behind the last token stands id 0, padded or not.
 */
function pairHash(g: GraphBuilder, buckets: number): string {
  const ids = g.op('Mul', [g.inputIds, g.attentionMask])
  const next = g.op('Slice', [ids, g.ints([1]), g.ints([maxTokens]), g.ints([1])])
  const none = g.op('Mul', [g.op('Slice', [ids, g.ints([0]), g.ints([1]), g.ints([1])]), g.ints(0)]) // [batch, 1]
  const shifted = g.op('Concat', [next, none], { axis: 1 })
  return g.op('Mod', [g.op('Add', [g.op('Mul', [ids, g.ints(65_521)]), shifted]), g.ints(buckets)])
}

/** An end for `Slice` beyond any sequence: 2³¹ − 1. */
const maxTokens = 2_147_483_647
