import { z } from 'zod'
import * as tf from '../tf.ts'
import { erf as erfOf } from './erf.ts'
import { mapAll } from './host-ops.ts'
import { type Kernel, kernel } from './kernel.ts'

const unary = (
  op: string,
  since: number,
  device: (x: tf.Tensor) => tf.Tensor,
  host: (x: number) => number = () => Number.NaN,
): Kernel =>
  kernel({
    op,
    since,
    inputs: { x: 'tensor' },
    host: ({ x }) => mapAll(x.type, [x], host),
    run: ({ x }) => device(x),
  })

const roundEven = (x: number): number => {
  const up = Math.round(x)
  return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up
}

export const unaries: readonly Kernel[] = [
  unary('Abs', 6, tf.abs, Math.abs),
  unary('Neg', 6, tf.neg, (x) => -x),
  unary('Sign', 9, tf.sign, Math.sign),
  unary('Ceil', 6, tf.ceil, Math.ceil),
  unary('Floor', 6, tf.floor, Math.floor),
  unary('Round', 11, tf.round, roundEven),
  unary('Sqrt', 6, tf.sqrt, Math.sqrt),
  unary('Reciprocal', 6, tf.reciprocal, (x) => 1 / x),
  unary('Exp', 6, tf.exp, Math.exp),
  unary('Log', 6, tf.log, Math.log),
  unary('Sin', 7, tf.sin, Math.sin),
  unary('Cos', 7, tf.cos, Math.cos),
  unary('Tanh', 6, tf.tanh, Math.tanh),
  unary('Sigmoid', 6, tf.sigmoid, (x) => 1 / (1 + Math.exp(-x))),
  unary('Relu', 6, tf.relu, (x) => Math.max(x, 0)),
  unary('Softplus', 1, tf.softplus, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  unary('Erf', 9, tf.erf, erfOf),
]

export const leakyRelu = kernel({
  op: 'LeakyRelu',
  since: 6,
  inputs: { x: 'tensor' },
  attrs: z.strictObject({ alpha: z.number().default(0.01) }),
  run: ({ x }, { alpha }) => tf.leakyRelu(x, alpha),
})

/** α·(eˣ − 1) below 0. */
export const elu = kernel({
  op: 'Elu',
  since: 6,
  inputs: { x: 'tensor' },
  attrs: z.strictObject({ alpha: z.number().default(1) }),
  run: ({ x }, { alpha }) => tf.sub(tf.relu(x), tf.mul(tf.sub(1, tf.exp(tf.minimum(x, 0))), alpha)),
})

/** x · Φ(x), or its approximation by tanh (Hendrycks and Gimpel 2016, arXiv:1606.08415). */
export const gelu = kernel({
  op: 'Gelu',
  since: 20,
  inputs: { x: 'tensor' },
  attrs: z.strictObject({ approximate: z.enum(['none', 'tanh']).default('none') }),
  run: ({ x }, { approximate }) => {
    const inner =
      approximate === 'none'
        ? tf.erf(tf.mul(x, Math.SQRT1_2))
        : tf.tanh(tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI)))
    return tf.mul(tf.mul(x, 0.5), tf.add(inner, 1))
  },
})
