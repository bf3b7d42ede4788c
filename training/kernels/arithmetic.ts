import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import * as tf from '../tf.ts'
import { broadcast, sameDims } from './dims.ts'
import { maxOfTwo, minOfTwo } from './extremes.ts'
import { mapAll } from './host-ops.ts'
import type { HostTensor } from './host-tensor.ts'
import { type Kernel, kernel } from './kernel.ts'
import { isDevice, upload, type Value } from './value.ts'

/** Both operands have one type, which is that of the result. */
const binary = (
  op: string,
  since: number,
  device: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  host: (a: number, b: number, integer: boolean) => number,
): Kernel =>
  kernel({
    op,
    since,
    inputs: { a: 'tensor', b: 'tensor' },
    host: ({ a, b }) => {
      const integer = a.type !== 'float32'
      return checked(mapAll(a.type, [a, b], (x, y) => host(x, y, integer)))
    },
    run: ({ a, b }) => device(a, b),
  })

/** int64 is computed in doubles: past 2⁵³ they would be wrong without notice, except for ends of slices. */
function checked(result: HostTensor): HostTensor {
  if (result.type === 'int64' && result.data.some((value) => Math.abs(value) > 2 ** 53 && Math.abs(value) < 2 ** 62)) {
    throw new DriftlineError('MODEL_INVALID', { reason: 'integer arithmetic beyond 2^53' })
  }
  return result
}

const divide = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
  a.dtype === 'int32' ? tf.cast(truncated(tf.div(tf.cast(a, 'float32'), tf.cast(b, 'float32'))), 'int32') : tf.div(a, b)

const truncated = (x: tf.Tensor): tf.Tensor => tf.where(tf.less(x, 0), tf.ceil(x), tf.floor(x))

export const add = binary('Add', 7, tf.add, (a, b) => a + b)
export const sub = binary('Sub', 7, tf.sub, (a, b) => a - b)
export const mul = binary('Mul', 7, tf.mul, (a, b) => a * b)
export const div = binary('Div', 7, divide, (a, b, integer) => (integer ? Math.trunc(a / b) : a / b))

/** fmod takes the sign of the dividend, otherwise that of the divisor. */
export const mod = kernel({
  op: 'Mod',
  since: 10,
  inputs: { a: 'tensor', b: 'tensor' },
  attrs: z.strictObject({ fmod: z.int().default(0) }),
  host: ({ a, b }, { fmod }) =>
    mapAll(a.type, [a, b], (x, y) => (fmod === 1 || x % y === 0 || x < 0 === y < 0 ? x % y : (x % y) + y)),
  run: ({ a, b }, { fmod }) => (fmod === 1 ? tf.sub(a, tf.mul(truncated(tf.div(a, b)), b)) : tf.mod(a, b)),
})

/** Small whole exponents are multiplied out: faster, and with a gradient at 0 and below. */
export const pow = kernel({
  op: 'Pow',
  since: 7,
  inputs: { x: 'tensor', y: 'any' },
  host: ({ x, y }) => mapAll(x.type, [x, y], (a, b) => a ** b),
  run: ({ x, y }) => {
    const exponent = !isDevice(y) && y.data.length === 1 && y.dims.length <= x.rank ? y.data[0] : undefined
    switch (exponent) {
      case 2:
        return tf.square(x)
      case 3:
        return tf.mul(tf.square(x), x)
      case 0.5:
        return tf.sqrt(x)
      case -0.5:
        return tf.rsqrt(x)
      default:
        return tf.pow(x, tf.cast(upload(y), x.dtype))
    }
  },
})

const variadic = (
  op: string,
  since: number,
  device: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  host: (a: number, b: number) => number,
): Kernel =>
  kernel({
    op,
    since,
    inputs: { inputs: 'tensors' },
    host: ({ inputs }) => {
      const [first] = inputs
      return mapAll(first?.type ?? 'float32', inputs, (...values) => values.reduce((a, b) => host(a, b)))
    },
    run: ({ inputs }) => {
      const dims = broadcast(...inputs.map((input) => input.shape))
      return inputs.map((input) => expanded(input, dims)).reduce((a, b) => device(a, b))
    },
  })

/** The gradients of `maxOfTwo` and `minOfTwo` know no broadcasting. */
const expanded = (x: tf.Tensor, dims: number[]): tf.Tensor =>
  sameDims(x.shape, dims) ? x : tf.add(x, tf.zeros(dims, x.dtype))

export const max = variadic('Max', 8, maxOfTwo, Math.max)
export const min = variadic('Min', 8, minOfTwo, Math.min)
export const sum = variadic('Sum', 8, tf.add, (a, b) => a + b)
export const mean = kernel({
  op: 'Mean',
  since: 8,
  inputs: { inputs: 'tensors' },
  run: ({ inputs }) =>
    tf.div(
      inputs.reduce((a, b) => tf.add(a, b)),
      inputs.length,
    ),
})

const limits = (x: tf.Tensor, low: number, high: number): tf.Tensor => {
  // Integers apart: tfjs wasm's own clipping reads them as floats. Limits that cross give the upper one.
  const end = (limit: number): tf.Tensor =>
    tf.scalar(x.dtype === 'int32' ? Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, limit)) : limit, x.dtype)
  if (x.dtype === 'int32' || low > high) return tf.minimum(tf.maximum(x, end(low)), end(high))
  return tf.clipByValue(x, low, high)
}

const bound = (value: Value | HostTensor | undefined, otherwise: number): number =>
  value === undefined || isDevice(value) ? otherwise : (value.data[0] ?? otherwise)

/** Without a limit the value is open on that side; should they cross, the upper one holds. */
export const clip = kernel({
  op: 'Clip',
  since: 11,
  inputs: { input: 'tensor', min: 'host?', max: 'host?' },
  host: ({ input, min, max }) => {
    const [low, high] = [bound(min, Number.NEGATIVE_INFINITY), bound(max, Number.POSITIVE_INFINITY)]
    return mapAll(input.type, [input], (x) => Math.min(Math.max(x, low), high))
  },
  run: ({ input, min, max }) => limits(input, bound(min, -3.4028234663852886e38), bound(max, 3.4028234663852886e38)),
})
