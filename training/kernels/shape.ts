import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import * as tf from '../tf.ts'
import { at, axisOf, broadcast, offsets, stridesOf } from './dims.ts'
import { expand as expandHost, take } from './host-ops.ts'
import { checkedDims, type HostTensor, reshaped, sizeOf } from './host-tensor.ts'
import { type Kernel, kernel } from './kernel.ts'

const numbers = (tensor: HostTensor): number[] => Array.from(tensor.data)

/** −1 is what is left over; 0 copies the old size, or stays 0 with `allowzero`. */
function targetDims(dims: readonly number[], shape: readonly number[], allowzero: number): number[] {
  const target = shape.map((dim, axis) => (dim === 0 && allowzero === 0 ? (dims[axis] ?? 0) : dim))
  const known = sizeOf(target.filter((dim) => dim !== -1))
  const total = sizeOf(dims)
  const result = target.map((dim) => (dim === -1 ? (known === 0 ? 0 : total / known) : dim))
  if (sizeOf(result) !== total || result.some((dim) => !Number.isInteger(dim))) {
    throw new DriftlineError('MODEL_INVALID', { reason: 'a shape that does not fit', dims, shape })
  }
  return result
}

export const reshape = kernel({
  op: 'Reshape',
  since: 5,
  inputs: { data: 'tensor', shape: 'host' },
  attrs: z.strictObject({ allowzero: z.int().default(0) }),
  host: ({ data, shape }, { allowzero }) => reshaped(data, targetDims(data.dims, numbers(shape), allowzero)),
  run: ({ data, shape }, { allowzero }) => tf.reshape(data, targetDims(data.shape, numbers(shape), allowzero)),
})

function flatDims(dims: readonly number[], axis: number): [number, number] {
  const end = axis < 0 ? axis + dims.length : axis
  return [sizeOf(dims.slice(0, end)), sizeOf(dims.slice(end))]
}

export const flatten = kernel({
  op: 'Flatten',
  since: 9,
  inputs: { input: 'tensor' },
  attrs: z.strictObject({ axis: z.int().default(1) }),
  host: ({ input }, { axis }) => reshaped(input, flatDims(input.dims, axis)),
  run: ({ input }, { axis }) => tf.reshape(input, flatDims(input.shape, axis)),
})

/** Without axes every size 1 goes. */
function squeezedDims(dims: readonly number[], axes: readonly number[] | undefined): number[] {
  const dropped = new Set(axes?.map((axis) => axisOf(axis, dims.length)))
  if ([...dropped].some((axis) => dims[axis] !== 1)) {
    throw new DriftlineError('MODEL_INVALID', { reason: 'only an axis of size 1 can be squeezed', dims, axes })
  }
  return dims.filter((dim, axis) => (axes === undefined ? dim !== 1 : !dropped.has(axis)))
}

function unsqueezedDims(dims: readonly number[], axes: readonly number[]): number[] {
  const rank = dims.length + axes.length
  const added = new Set(axes.map((axis) => axisOf(axis, rank)))
  if (added.size < axes.length) throw new DriftlineError('MODEL_INVALID', { reason: 'an axis twice', axes })
  const rest = dims.values()
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.next().value ?? 1)))
}

const axesAttribute = z.strictObject({ axes: z.array(z.int()) })

const reshaping = (
  op: 'Squeeze' | 'Unsqueeze',
  dimsAfter: (dims: readonly number[], axes: readonly number[]) => number[],
  without: (dims: readonly number[]) => number[],
): Kernel[] => [
  kernel({
    op,
    since: 11,
    inputs: { data: 'tensor' },
    attrs: op === 'Squeeze' ? axesAttribute.partial() : axesAttribute,
    host: ({ data }, { axes }) => reshaped(data, axes === undefined ? without(data.dims) : dimsAfter(data.dims, axes)),
    run: ({ data }, { axes }) =>
      tf.reshape(data, axes === undefined ? without(data.shape) : dimsAfter(data.shape, axes)),
  }),
  kernel({
    op,
    since: 13, // the axes became an input
    inputs: { data: 'tensor', axes: 'host?' },
    host: ({ data, axes }) =>
      reshaped(data, axes === undefined ? without(data.dims) : dimsAfter(data.dims, numbers(axes))),
    run: ({ data, axes }) =>
      tf.reshape(data, axes === undefined ? without(data.shape) : dimsAfter(data.shape, numbers(axes))),
  }),
]

export const squeezes = reshaping('Squeeze', squeezedDims, (dims) => squeezedDims(dims, undefined))
export const unsqueezes = reshaping('Unsqueeze', unsqueezedDims, () => {
  throw new DriftlineError('MODEL_INVALID', { reason: 'Unsqueeze needs axes' })
})

export const transpose = kernel({
  op: 'Transpose',
  since: 1,
  inputs: { data: 'tensor' },
  attrs: z.strictObject({ perm: z.array(z.int()).optional() }),
  host: ({ data }, { perm }) => {
    const order = perm ?? [...data.dims.keys()].reverse()
    const strides = stridesOf(data.dims)
    const dims = order.map((axis) => at(data.dims, axis))
    return take(
      data,
      dims,
      offsets(
        dims,
        order.map((axis) => at(strides, axis)),
      ),
    )
  },
  run: ({ data }, { perm }) => tf.transpose(data, perm),
})

/** Repeats where the sizes call for it. Added to zeros: the gradient of a tile ends at rank 4. */
function expandTo(input: tf.Tensor, dims: readonly number[]): tf.Tensor {
  const to = checkedDims(dims)
  return input.dtype === 'float32' ? tf.add(input, tf.zeros(to)) : tf.broadcastTo(input, to)
}

export const expand = kernel({
  op: 'Expand',
  since: 8,
  inputs: { input: 'tensor', shape: 'host' },
  host: ({ input, shape }) => expandHost(input, broadcast(input.dims, numbers(shape))),
  run: ({ input, shape }) => expandTo(input, broadcast(input.shape, numbers(shape))),
})

/** Each axis as [1, size] is expanded to [repeats, size]. */
export const tile = kernel({
  op: 'Tile',
  since: 6,
  inputs: { input: 'tensor', repeats: 'host' },
  host: ({ input, repeats }) => {
    const { from, to, dims } = tiling(input.dims, numbers(repeats))
    return reshaped(expandHost(reshaped(input, from), to), dims)
  },
  run: ({ input, repeats }) => {
    checkedDims(tiling(input.shape, numbers(repeats)).dims)
    let result = input
    for (const [axis, count] of numbers(repeats).entries()) {
      if (count !== 1) result = repeated(result, axis, count)
    }
    return result
  },
})

const repeated = (input: tf.Tensor, axis: number, count: number): tf.Tensor => {
  if (count > 0) return tf.concat(new Array<tf.Tensor>(count).fill(input), axis)
  return tf.zeros(
    input.shape.map((dim, each) => (each === axis ? 0 : dim)),
    input.dtype,
  )
}

function tiling(dims: readonly number[], repeats: readonly number[]) {
  return {
    from: dims.flatMap((dim) => [1, dim]),
    to: dims.flatMap((dim, axis) => [at(repeats, axis), dim]),
    dims: dims.map((dim, axis) => dim * at(repeats, axis)),
  }
}
