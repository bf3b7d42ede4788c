import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import * as tf from '../tf.ts'
import { at, broadcast, sameDims } from './dims.ts'
import { sizeOf } from './host-tensor.ts'
import { kernel } from './kernel.ts'

/**
 * [… m, k] × [… k, n] → [… m, n], with leading axes broadcast; a vector counts as a row on the left, a column on the right.
 * A plain matrix on the right is multiplied once, with all rows of the left: in batches its gradient would be a sum over
 * copies as large as the weights.
 */
export function multiply(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  if (a.rank === 1) return squeezed(multiply(tf.expandDims(a, 0), b), -2)
  if (b.rank === 1) return squeezed(multiply(a, tf.expandDims(b, 1)), -1)
  const [rows, inner, columns] = [at(a.shape, a.rank - 2), at(a.shape, a.rank - 1), at(b.shape, b.rank - 1)]
  if (inner !== at(b.shape, b.rank - 2)) {
    throw new DriftlineError('MODEL_INVALID', { reason: 'matrices that do not fit', a: a.shape, b: b.shape })
  }
  if (b.rank === 2) {
    const flat = tf.matMul(tf.reshape(a, [sizeOf(a.shape.slice(0, -1)), inner]), b)
    return tf.reshape(flat, [...a.shape.slice(0, -1), columns])
  }
  const lead = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2))
  const product = tf.matMul(batched(a, lead, rows, inner), batched(b, lead, inner, columns))
  return tf.reshape(product, [...lead, rows, columns])
}

const squeezed = (x: tf.Tensor, axis: number): tf.Tensor => tf.squeeze(x, [x.rank + axis])

/** [lead …, rows, columns] → [batches, rows, columns] */
function batched(x: tf.Tensor, lead: readonly number[], rows: number, columns: number): tf.Tensor {
  const full = [...lead, rows, columns]
  const expanded = sameDims(x.shape, full) ? x : tf.add(x, tf.zeros(full))
  return tf.reshape(expanded, [sizeOf(lead), rows, columns])
}

export const matMul = kernel({
  op: 'MatMul',
  since: 1,
  inputs: { a: 'tensor', b: 'tensor' },
  run: ({ a, b }) => multiply(a, b),
})

/** α · A · B + β · C, each of A and B transposed if asked. */
export const gemm = kernel({
  op: 'Gemm',
  since: 11,
  inputs: { a: 'tensor', b: 'tensor', c: 'tensor?' },
  attrs: z.strictObject({
    alpha: z.number().default(1),
    beta: z.number().default(1),
    transA: z.int().default(0),
    transB: z.int().default(0),
  }),
  run: ({ a, b, c }, { alpha, beta, transA, transB }) => {
    // Transposed before: the flags of tfjs wasm's multiplication are fifty times slower than its fast path.
    const product = tf.matMul(transA === 1 ? tf.transpose(a) : a, transB === 1 ? tf.transpose(b) : b)
    const scaled = alpha === 1 ? product : tf.mul(product, alpha)
    if (c === undefined) return scaled
    return tf.add(scaled, beta === 1 ? c : tf.mul(c, beta))
  },
})
