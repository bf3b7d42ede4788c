import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import * as tf from '../tf.ts'
import { mapAll } from './host-ops.ts'
import { type HostTensor, type HostType, hostTypeOfCode } from './host-tensor.ts'
import { kernel } from './kernel.ts'

const castHost = (input: HostTensor, type: HostType): HostTensor => {
  if (type === 'bool') return mapAll(type, [input], (x) => Number(x !== 0))
  if (type === 'float32') return mapAll(type, [input], (x) => x)
  // What is no integer becomes the smallest one, as on x86: logarithms of 0 are cast before a Where drops them.
  const smallest = type === 'int32' ? -(2 ** 31) : -(2 ** 63)
  return mapAll(type, [input], (x) => (Number.isFinite(x) ? Math.trunc(x) : smallest))
}

/** The backend has float32, int32 and bool. A cast among the floats changes nothing and keeps its gradient. */
const castDevice = (input: tf.Tensor, type: HostType): tf.Tensor => {
  if (type === 'bool') return tf.notEqual(input, tf.zerosLike(input))
  const dtype = type === 'float32' ? 'float32' : 'int32'
  return input.dtype === dtype ? input : tf.cast(input, dtype)
}

const typeOf = (code: number): HostType => {
  const type = hostTypeOfCode.get(code)
  if (type === undefined)
    throw new DriftlineError('OPERATOR_UNSUPPORTED', { reason: 'a cast to this type', type: code })
  return type
}

export const cast = kernel({
  op: 'Cast',
  since: 9,
  inputs: { input: 'tensor' },
  attrs: z.strictObject({ to: z.int().transform(typeOf), saturate: z.int().optional() }),
  host: ({ input }, { to }) => castHost(input, to),
  run: ({ input }, { to }) => castDevice(input, to),
})

export const castLike = kernel({
  op: 'CastLike',
  since: 15,
  inputs: { input: 'tensor', target: 'any' },
  attrs: z.strictObject({ saturate: z.int().optional() }),
  host: ({ input, target }) => castHost(input, target.type),
  run: ({ input, target }) => {
    if (target instanceof tf.Tensor) return castDevice(input, target.dtype === 'float32' ? 'float32' : 'int32')
    return castDevice(input, target.type)
  },
})
