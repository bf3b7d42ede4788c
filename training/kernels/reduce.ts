import { z } from 'zod'
import * as tf from '../tf.ts'
import { at, axisOf, offsets, stridesOf } from './dims.ts'
import { maxAlong, minAlong } from './extremes.ts'
import { allocate, type HostTensor, host, only, sizeOf } from './host-tensor.ts'
import { splitAlong } from './joining.ts'
import { type Kernel, kernel } from './kernel.ts'

interface Reduction {
  readonly op: string
  /** From this opset on the axes are an input; before, an attribute. */
  readonly axesInputSince: 13 | 18
  readonly device: (x: tf.Tensor, axes: number[]) => tf.Tensor
  /** Of each element alone, when there is nothing to reduce; default: itself. */
  readonly alone?: (x: tf.Tensor) => tf.Tensor
  /** Of the elements that fall into one. */
  readonly host: (values: Float64Array) => number
}

const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0)
const largest = (values: Float64Array): number => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
const smallest = (values: Float64Array): number => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)

/** Factor by factor: tf.prod has no gradient that works outside the union package. */
function product(x: tf.Tensor, axes: number[]): tf.Tensor {
  const rest = [...x.shape.keys()].filter((axis) => !axes.includes(axis))
  const dims = rest.map((axis) => at(x.shape, axis))
  const rows = tf.reshape(tf.transpose(x, [...rest, ...axes]), [sizeOf(dims), sizeOf(x.shape) / sizeOf(dims)])
  const factors = splitAlong(rows, new Array<number>(at(rows.shape, 1)).fill(1), 1)
  return tf.reshape(
    factors.reduce((a, b) => tf.mul(a, b)),
    dims,
  )
}

const reductions: readonly Reduction[] = [
  { op: 'ReduceSum', axesInputSince: 13, device: tf.sum, host: total },
  { op: 'ReduceMean', axesInputSince: 18, device: tf.mean, host: (values) => total(values) / values.length },
  { op: 'ReduceMax', axesInputSince: 18, device: maxAlong, host: largest },
  { op: 'ReduceMin', axesInputSince: 18, device: minAlong, host: smallest },
  {
    op: 'ReduceProd',
    axesInputSince: 18,
    device: product,
    host: (values) => values.reduce((product, value) => product * value, 1),
  },
  {
    op: 'ReduceL2',
    axesInputSince: 18,
    device: (x, axes) => tf.sqrt(tf.sum(tf.square(x), axes)),
    alone: tf.abs,
    host: (values) => Math.hypot(...values),
  },
  {
    op: 'ReduceSumSquare',
    axesInputSince: 18,
    device: (x, axes) => tf.sum(tf.square(x), axes),
    alone: tf.square,
    host: (values) => total(values.map((value) => value ** 2)),
  },
  {
    op: 'ReduceLogSumExp',
    axesInputSince: 18,
    device: (x, axes) => tf.logSumExp(x, axes),
    host: (values) => {
      const top = largest(values)
      return top + Math.log(total(values.map((value) => Math.exp(value - top))))
    },
  },
]

/** No axes stands for all of them, or for none with `noop_with_empty_axes`. */
const axesOf = (rank: number, axes: readonly number[] | undefined, noop: number): number[] => {
  if (axes !== undefined && axes.length > 0) return axes.map((axis) => axisOf(axis, rank))
  return noop === 1 ? [] : Array.from({ length: rank }, (_, axis) => axis)
}

const keptDims = (dims: readonly number[], axes: readonly number[], keepdims: number): number[] =>
  dims.flatMap((dim, axis) => (axes.includes(axis) ? (keepdims === 1 ? [1] : []) : [dim]))

type HostReduction = Reduction['host']

function onHost(reduce: HostReduction, data: HostTensor, axes: readonly number[], keepdims: number): HostTensor {
  const strides = stridesOf(data.dims)
  const pick = (axisList: readonly number[]) =>
    offsets(
      axisList.map((axis) => at(data.dims, axis)),
      axisList.map((axis) => at(strides, axis)),
    )
  const rest = [...data.dims.keys()].filter((axis) => !axes.includes(axis))
  const inner = pick(axes)
  const dims = keptDims(data.dims, axes, keepdims)
  const result = allocate(data.type, dims)
  for (const [index, start] of pick(rest).entries()) {
    result[index] = reduce(Float64Array.from(inner, (offset) => data.data[start + offset] ?? 0))
  }
  return { type: data.type, dims, data: result }
}

function onDevice(reduction: Reduction, data: tf.Tensor, axes: number[], keepdims: number): tf.Tensor {
  const { device, alone = (x: tf.Tensor) => x } = reduction
  const reduced = axes.length === 0 ? alone(data) : device(data, axes)
  return tf.reshape(reduced, keptDims(data.shape, axes, keepdims))
}

const flags = { keepdims: z.int().default(1) }

export const reduce: readonly Kernel[] = reductions.flatMap((reduction) => [
  kernel({
    op: reduction.op,
    since: 11,
    inputs: { data: 'tensor' },
    attrs: z.strictObject({ ...flags, axes: z.array(z.int()).optional() }),
    host: ({ data }, { axes, keepdims }) => onHost(reduction.host, data, axesOf(data.dims.length, axes, 0), keepdims),
    run: ({ data }, { axes, keepdims }) => onDevice(reduction, data, axesOf(data.rank, axes, 0), keepdims),
  }),
  kernel({
    op: reduction.op,
    since: reduction.axesInputSince,
    inputs: { data: 'tensor', axes: 'host?' },
    attrs: z.strictObject({ ...flags, noop_with_empty_axes: z.int().default(0) }),
    host: ({ data, axes }, attrs) => {
      const list = axesOf(data.dims.length, axes && Array.from(axes.data), attrs.noop_with_empty_axes)
      return onHost(reduction.host, data, list, attrs.keepdims)
    },
    run: ({ data, axes }, attrs) => {
      const list = axesOf(data.rank, axes && Array.from(axes.data), attrs.noop_with_empty_axes)
      return onDevice(reduction, data, list, attrs.keepdims)
    },
  }),
])

const ofAxis = z.strictObject({
  axis: z.int().default(0),
  keepdims: z.int().default(1),
  select_last_index: z.literal(0).default(0),
})

/** Position of the largest element along an axis; the first of equals. */
export const argMax = kernel({
  op: 'ArgMax',
  since: 11,
  inputs: { data: 'tensor' },
  attrs: ofAxis,
  host: ({ data }, { axis, keepdims }) => {
    const first = (values: Float64Array) => values.indexOf(largest(values))
    return onHost(first, { ...data, type: 'int64' }, [axisOf(axis, data.dims.length)], keepdims)
  },
  run: ({ data }, { axis, keepdims }) => {
    const at = axisOf(axis, data.rank)
    return tf.reshape(tf.argMax(data, at), keptDims(data.shape, [at], keepdims))
  },
})

/** Running sums; `exclusive` leaves the element itself out, `reverse` starts at the end. */
export const cumSum = kernel({
  op: 'CumSum',
  since: 11,
  inputs: { x: 'tensor', axis: 'host' },
  attrs: z.strictObject({ exclusive: z.int().default(0), reverse: z.int().default(0) }),
  host: ({ x, axis }, { exclusive, reverse }) => {
    const along = axisOf(only(axis), x.dims.length)
    const [size, step] = [at(x.dims, along), at(stridesOf(x.dims), along)]
    const strides = stridesOf(x.dims)
    const rest = [...x.dims.keys()].filter((each) => each !== along)
    const starts = offsets(
      rest.map((each) => at(x.dims, each)),
      rest.map((each) => at(strides, each)),
    )
    const result = host(x.type, x.dims, x.data)
    for (const start of starts) {
      for (let index = 0, sum = 0; index < size; index++) {
        const offset = start + (reverse === 1 ? size - 1 - index : index) * step
        const value = at(x.data, offset)
        result.data[offset] = exclusive === 1 ? sum : sum + value
        sum += value
      }
    }
    return result
  },
  run: ({ x, axis }, { exclusive, reverse }) =>
    sizeOf(x.shape) === 0 ? x : tf.cumsum(x, axisOf(only(axis), x.rank), exclusive === 1, reverse === 1),
})
