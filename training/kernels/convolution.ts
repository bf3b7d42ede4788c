import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import * as tf from '../tf.ts'
import { at } from './dims.ts'
import { maxOfEach } from './extremes.ts'
import { splitAlong } from './joining.ts'
import { kernel } from './kernel.ts'
import { multiply } from './matmul.ts'

const one = z.array(z.int().positive()).length(1)

const window = {
  auto_pad: z.enum(['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID']).default('NOTSET'),
  dilations: one.default([1]),
  pads: z.array(z.int().nonnegative()).length(2).default([0, 0]),
  strides: one.default([1]),
}

interface Window {
  readonly auto_pad: string
  readonly dilations: readonly number[]
  readonly pads: readonly number[]
  readonly strides: readonly number[]
}

/**
 * For each position of the kernel the part of `x` [n, length, channels] that meets it: [n, out, channels].
 *
 * @param value what stands around `x`
 */
function windows(x: tf.Tensor, kernelSize: number, options: Window, value: number): tf.Tensor[] {
  const [stride, dilation] = [at(options.strides, 0), at(options.dilations, 0)]
  const [n, length, channels] = [at(x.shape, 0), at(x.shape, 1), at(x.shape, 2)]
  const reach = (kernelSize - 1) * dilation + 1
  const [before, after] = padding(options, length, reach, stride)
  const padded =
    before + after > 0
      ? tf.pad(
          x,
          [
            [0, 0],
            [before, after],
            [0, 0],
          ],
          value,
        )
      : x
  const out = Math.floor((length + before + after - reach) / stride) + 1
  if (out <= 0) throw new DriftlineError('MODEL_INVALID', { reason: 'a window longer than its input', length, reach })
  return Array.from({ length: kernelSize }, (_, position) => {
    const start = position * dilation
    if (stride === 1) return tf.slice(padded, [0, start, 0], [n, out, channels])
    const indices = Int32Array.from({ length: out }, (_, index) => start + index * stride)
    return tf.gather(padded, tf.tensor1d(indices, 'int32'), 1)
  })
}

function padding({ auto_pad, pads }: Window, length: number, reach: number, stride: number): [number, number] {
  if (auto_pad === 'NOTSET') return [at(pads, 0), at(pads, 1)]
  if (auto_pad === 'VALID') return [0, 0]
  const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach - length)
  const less = Math.floor(total / 2)
  return auto_pad === 'SAME_UPPER' ? [less, total - less] : [total - less, less]
}

const oneDimensional = (x: tf.Tensor, op: string): void => {
  if (x.rank !== 3) throw new DriftlineError('OPERATOR_UNSUPPORTED', { op, reason: 'in more than one dimension' })
}

/**
 * x [n, channels, length], w [filters, channels / group, size] → [n, filters, out]. As one multiplication of the windows
 * side by side: tfjs wasm has no gradient for the filters of its own convolution.
 */
export const conv = kernel({
  op: 'Conv',
  since: 11,
  inputs: { x: 'tensor', w: 'tensor', b: 'tensor?' },
  attrs: z.strictObject({ ...window, group: z.int().positive().default(1), kernel_shape: one.optional() }),
  run: ({ x, w, b }, options) => {
    oneDimensional(x, 'Conv')
    const [filters, size] = [at(w.shape, 0), at(w.shape, 2)]
    const rows = tf.transpose(x, [0, 2, 1]) // [n, length, channels]
    const parts = splitAlong(rows, new Array<number>(options.group).fill(at(x.shape, 1) / options.group), 2).map(
      (part, group) => {
        const columns = tf.concat(windows(part, size, options, 0), 2) // [n, out, size · channels]
        const own = tf.slice(w, [(group * filters) / options.group, 0, 0], [filters / options.group, -1, -1])
        const matrix = tf.reshape(tf.transpose(own, [2, 1, 0]), [at(columns.shape, 2), filters / options.group])
        return multiply(columns, matrix)
      },
    )
    const joined = parts.length === 1 ? parts : [tf.concat(parts, 2)]
    const biased = joined.map((y) => (b === undefined ? y : tf.add(y, b)))
    return biased.map((y) => tf.transpose(y, [0, 2, 1]))
  },
})

const pool = z.strictObject({
  ...window,
  kernel_shape: one,
  ceil_mode: z.literal(0).default(0),
  storage_order: z.int().default(0),
})

/** x [n, channels, length] → [n, channels, out]; the gradient of tf.maximum goes to the first of equals, as in PyTorch */
export const maxPool = kernel({
  op: 'MaxPool',
  since: 11,
  inputs: { x: 'tensor' },
  attrs: pool,
  run: ({ x }, options) => {
    oneDimensional(x, 'MaxPool')
    const parts = windows(tf.transpose(x, [0, 2, 1]), at(options.kernel_shape, 0), options, -3.4028234663852886e38)
    return tf.transpose(
      parts.reduce((a, b) => tf.maximum(a, b)),
      [0, 2, 1],
    )
  },
})

const spatial = (x: tf.Tensor): number[] => x.shape.map((_, axis) => axis).slice(2)

export const globalMaxPool = kernel({
  op: 'GlobalMaxPool',
  since: 1,
  inputs: { x: 'tensor' },
  run: ({ x }) => maxOfEach(x),
})

export const globalAveragePool = kernel({
  op: 'GlobalAveragePool',
  since: 1,
  inputs: { x: 'tensor' },
  run: ({ x }) => tf.mean(x, spatial(x), true),
})
