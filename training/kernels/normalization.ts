import { z } from 'zod'
import * as tf from '../tf.ts'
import { axisOf } from './dims.ts'
import { kernel } from './kernel.ts'

/** x − mean, the mean and 1 / √(variance + ε), over `axes`. */
function statistics(x: tf.Tensor, axes: number[], epsilon: number) {
  const mean = tf.mean(x, axes, true)
  const centred = tf.sub(x, mean)
  return { centred, mean, inverse: tf.rsqrt(tf.add(tf.mean(tf.square(centred), axes, true), epsilon)) }
}

/**
 * x̂ = (x − mean) / √(variance + ε), with its gradient as one formula: (dy − mean(dy) − x̂ · mean(dy · x̂)) / √(variance + ε).
 * Left to the operations it is made of, the gradient takes 40 of them; an encoder has two such layers for each of its own.
 */
function normalised(x: tf.Tensor, axes: number[], epsilon: number): tf.Tensor {
  const node = tf.customGrad((...inputs) => {
    const [data, save] = inputs as [tf.Tensor, tf.GradSaveFunc]
    const { centred, inverse } = statistics(data, axes, epsilon)
    const value = tf.mul(centred, inverse)
    save([value, inverse])
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor => {
      const [normal, factor] = saved as [tf.Tensor, tf.Tensor]
      const along = tf.mul(normal, tf.mean(tf.mul(dy, normal), axes, true))
      return tf.mul(tf.sub(tf.sub(dy, tf.mean(dy, axes, true)), along), factor)
    }
    return { value, gradFunc }
  })
  return node(x)
}

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
    const axes = x.shape.map((_, each) => each).slice(axisOf(axis, x.rank))
    const affine = (normal: tf.Tensor): tf.Tensor => {
      const scaled = tf.mul(normal, scale)
      return bias === undefined ? scaled : tf.add(scaled, bias)
    }
    if (outputs === 1) return [affine(normalised(x, axes, epsilon))]
    const { centred, mean, inverse } = statistics(x, axes, epsilon)
    return [affine(tf.mul(centred, inverse)), mean, inverse].slice(0, outputs)
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
