import { add, clip, div, max, mean, min, mod, mul, pow, sub, sum } from './arithmetic.ts'
import { cast, castLike } from './cast.ts'
import { conv, globalAveragePool, globalMaxPool, maxPool } from './convolution.ts'
import { constant, constantOfShape, identity, range, shape, size, trilu } from './creation.ts'
import { einsum } from './einsum.ts'
import { gather, gatherElements, gatherNd, scatterElements, scatterNd, slice } from './indexing.ts'
import { concat, pad, splitByAttribute, splitByInput } from './joining.ts'
import type { Kernel } from './kernel.ts'
import { logic, where } from './logic.ts'
import { gemm, matMul } from './matmul.ts'
import { dropout, dropoutWithRatio, layerNormalization } from './normalization.ts'
import { argMax, cumSum, reduce } from './reduce.ts'
import { expand, flatten, reshape, squeezes, tile, transpose, unsqueezes } from './shape.ts'
import { logSoftmax, softmax } from './softmax.ts'
import { elu, gelu, leakyRelu, unaries } from './unary.ts'

/** Every operator that a program can run. Several definitions of one operator differ in `since`. */
export const kernels: readonly Kernel[] = [
  ...[add, sub, mul, div, mod, pow, max, min, sum, mean, clip],
  ...[...unaries, leakyRelu, elu, gelu],
  ...[...logic, where],
  ...[cast, castLike],
  ...[constant, constantOfShape, range, shape, size, trilu, identity],
  ...[reshape, flatten, ...squeezes, ...unsqueezes, transpose, expand, tile],
  ...[gather, gatherElements, gatherNd, scatterNd, scatterElements, slice],
  ...[concat, splitByAttribute, splitByInput, pad],
  ...[...reduce, argMax, cumSum],
  ...[matMul, gemm, einsum, conv, maxPool, globalMaxPool, globalAveragePool],
  ...[...softmax, ...logSoftmax, layerNormalization, dropout, dropoutWithRatio],
]

const table = new Map<string, Kernel[]>()

for (const kernel of kernels) {
  const name = `${kernel.domain}:${kernel.op}`
  const versions = table.get(name) ?? []
  if (versions.some(({ since }) => since === kernel.since)) throw new Error(`${name} is defined twice`)
  table.set(
    name,
    [...versions, kernel].sort((a, b) => b.since - a.since),
  )
}

/** The definition with the highest `since` that is not above the opset. */
export const kernelFor = (domain: string, op: string, opset: number): Kernel | undefined =>
  table.get(`${domain}:${op}`)?.find(({ since }) => since <= opset)
