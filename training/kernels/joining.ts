import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import * as tf from '../tf.ts'
import { at, axisOf, offsets, stridesOf } from './dims.ts'
import { take } from './host-ops.ts'
import { allocate, checkedDims, type HostTensor, only, sizeOf } from './host-tensor.ts'
import { kernel } from './kernel.ts'

function concatHost(inputs: readonly HostTensor[], given: number): HostTensor {
  const [first] = inputs
  if (first === undefined) throw new DriftlineError('MODEL_INVALID', { reason: 'nothing to join' })
  const axis = axisOf(given, first.dims.length)
  const dims = first.dims.map((dim, each) =>
    each === axis ? inputs.reduce((sum, input) => sum + at(input.dims, axis), 0) : dim,
  )
  const data = allocate(first.type, dims)
  const rows = sizeOf(dims.slice(0, axis))
  for (let row = 0, to = 0; row < rows; row++) {
    for (const input of inputs) {
      const length = input.data.length / rows
      data.set(input.data.subarray(row * length, (row + 1) * length), to)
      to += length
    }
  }
  return { type: first.type, dims, data }
}

export const concat = kernel({
  op: 'Concat',
  since: 11,
  inputs: { inputs: 'tensors' },
  attrs: z.strictObject({ axis: z.int() }),
  host: ({ inputs }, { axis }) => concatHost(inputs, axis),
  run: ({ inputs }, { axis }) => {
    const [first] = inputs
    if (first === undefined) throw new DriftlineError('MODEL_INVALID', { reason: 'nothing to join' })
    return tf.concat([...inputs], axisOf(axis, first.rank))
  },
})

/** Sizes as given; else equal ones, of which the last may be smaller (from opset 18). */
function splitSizes(dim: number, given: readonly number[] | undefined, outputs: number): number[] {
  const part = Math.ceil(dim / outputs)
  const sizes = given ?? Array.from({ length: outputs }, (_, index) => Math.min(part, Math.max(0, dim - index * part)))
  if (sizes.reduce((sum, size) => sum + size, 0) !== dim) {
    throw new DriftlineError('MODEL_INVALID', { reason: 'parts that do not add up', dim, sizes })
  }
  return [...sizes]
}

function splitHost(input: HostTensor, axis: number, sizes: readonly number[]): HostTensor[] {
  const strides = stridesOf(input.dims)
  let start = 0
  return sizes.map((size) => {
    const dims = input.dims.map((dim, each) => (each === axis ? size : dim))
    const part = take(input, dims, offsets(dims, strides, start * at(strides, axis)))
    start += size
    return part
  })
}

/** The gradient of tf.split fails for a single part. */
export const splitAlong = (input: tf.Tensor, sizes: number[], axis: number): tf.Tensor[] =>
  sizes.length === 1 ? [input] : tf.split(input, sizes, axis)

export const splitByAttribute = kernel({
  op: 'Split',
  since: 11,
  inputs: { input: 'tensor' },
  outputs: Number.POSITIVE_INFINITY,
  attrs: z.strictObject({ axis: z.int().default(0), split: z.array(z.int()).optional() }),
  host: ({ input }, { axis: given, split }, { outputs }) => {
    const axis = axisOf(given, input.dims.length)
    return splitHost(input, axis, splitSizes(at(input.dims, axis), split, outputs))
  },
  run: ({ input }, { axis: given, split }, { outputs }) => {
    const axis = axisOf(given, input.rank)
    return splitAlong(input, splitSizes(at(input.shape, axis), split, outputs), axis)
  },
})

export const splitByInput = kernel({
  op: 'Split',
  since: 13,
  inputs: { input: 'tensor', split: 'host?' },
  outputs: Number.POSITIVE_INFINITY,
  attrs: z.strictObject({ axis: z.int().default(0), num_outputs: z.int().optional() }),
  host: ({ input, split }, { axis: given }, { outputs }) => {
    const axis = axisOf(given, input.dims.length)
    return splitHost(input, axis, splitSizes(at(input.dims, axis), split && Array.from(split.data), outputs))
  },
  run: ({ input, split }, { axis: given }, { outputs }) => {
    const axis = axisOf(given, input.rank)
    return splitAlong(input, splitSizes(at(input.shape, axis), split && Array.from(split.data), outputs), axis)
  },
})

/** Puts a constant around, or takes elements away where a padding is negative. */
export const pad = kernel({
  op: 'Pad',
  since: 11,
  inputs: { data: 'tensor', pads: 'host', value: 'host?', axes: 'host?' },
  attrs: z.strictObject({ mode: z.literal('constant').default('constant') }),
  run: ({ data, pads, value, axes }) => {
    const list = axes === undefined ? data.shape.map((_, axis) => axis) : Array.from(axes.data)
    const around = data.shape.map((): [number, number] => [0, 0])
    for (const [entry, axis] of list.entries()) {
      around[axisOf(axis, data.rank)] = [at(pads.data, entry), at(pads.data, entry + list.length)]
    }
    checkedDims(around.map(([before, after], axis) => at(data.shape, axis) + before + after))
    const kept = tf.slice(
      data,
      around.map(([before]) => Math.max(0, -before)),
      around.map(([before, after], axis) => at(data.shape, axis) + Math.min(0, before) + Math.min(0, after)),
    )
    const added = around.map(([before, after]): [number, number] => [Math.max(0, before), Math.max(0, after)])
    return tf.pad(kept, added, value === undefined ? 0 : only(value))
  },
})
