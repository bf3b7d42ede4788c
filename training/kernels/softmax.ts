import { z } from 'zod'
import * as tf from '../tf.ts'
import { axisOf } from './dims.ts'
import { sizeOf } from './host-tensor.ts'
import { type Kernel, kernel } from './kernel.ts'

/** tfjs has both along the last axis only. */
function along(x: tf.Tensor, axis: number, f: (x: tf.Tensor) => tf.Tensor): tf.Tensor {
  const last = x.rank - 1
  if (sizeOf(x.shape) === 0) return x
  if (axis === last) return f(x)
  const swap = x.shape.map((_, each) => (each === axis ? last : each === last ? axis : each))
  return tf.transpose(f(tf.transpose(x, swap)), swap)
}

/** Up to opset 12 all axes from `axis` on are normalised together. */
const family = (op: string, f: (x: tf.Tensor) => tf.Tensor): Kernel[] => [
  kernel({
    op,
    since: 11,
    inputs: { input: 'tensor' },
    attrs: z.strictObject({ axis: z.int().default(1) }),
    run: ({ input }, { axis }) => {
      const from = input.rank === 0 ? 0 : axisOf(axis, input.rank)
      const flat = [sizeOf(input.shape.slice(0, from)), sizeOf(input.shape.slice(from))] as const
      return tf.reshape(along(tf.reshape(input, [...flat]), 1, f), input.shape)
    },
  }),
  kernel({
    op,
    since: 13,
    inputs: { input: 'tensor' },
    attrs: z.strictObject({ axis: z.int().default(-1) }),
    run: ({ input }, { axis }) => along(input, axisOf(axis, input.rank), f),
  }),
]

export const softmax = family('Softmax', (x) => tf.softmax(x))
export const logSoftmax = family('LogSoftmax', (x) => tf.logSoftmax(x))
