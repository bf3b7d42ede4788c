import { z } from 'zod'
import * as tf from '../tf.ts'
import { axisOf } from './dims.ts'
import { kernel } from './kernel.ts'

/**
 * (x − mean) / √(variance + ε) · scale + bias, over the axes from `axis` on.
 *
 * @returns the result, the mean and 1 / √(variance + ε)
 */
export const layerNormalization = kernel({
  op: 'LayerNormalization',
  since: 17,
  inputs: { x: 'tensor', scale: 'tensor', bias: 'tensor?' },
  outputs: 3,
  attrs: z.strictObject({
    axis: z.int().default(-1),
    epsilon: z.number().default(1e-5),
    stash_type: z.int().default(1), // the precision of the two statistics: float32 here, whatever the model's
  }),
  run: ({ x, scale, bias }, { axis, epsilon }, { outputs }) => {
    const from = axisOf(axis, x.rank)
    const axes = x.shape.map((_, each) => each).slice(from)
    const mean = tf.mean(x, axes, true)
    const centred = tf.sub(x, mean)
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), axes, true), epsilon))
    const scaled = tf.mul(tf.mul(centred, inverse), scale)
    const result = bias === undefined ? scaled : tf.add(scaled, bias)
    return [result, mean, inverse].slice(0, Math.max(outputs, 1))
  },
})

/** Inference: nothing is dropped; the mask, if wanted, is all true. */
export const dropout = kernel({
  op: 'Dropout',
  since: 12,
  inputs: { data: 'tensor', ratio: 'host?', training_mode: 'host?' },
  outputs: 2,
  attrs: z.strictObject({ seed: z.int().optional() }),
  run: ({ data }, _, { outputs }) => [data, tf.cast(tf.onesLike(data), 'bool')].slice(0, Math.max(outputs, 1)),
})

export const dropoutWithRatio = kernel({
  op: 'Dropout',
  since: 10,
  inputs: { data: 'tensor' },
  outputs: 2,
  attrs: z.strictObject({ ratio: z.number().optional() }),
  run: ({ data }, _, { outputs }) => [data, tf.cast(tf.onesLike(data), 'bool')].slice(0, Math.max(outputs, 1)),
})
