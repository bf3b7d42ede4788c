import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import * as tf from '../tf.ts'
import { at, axisOf, offsets, stridesOf } from './dims.ts'
import { take } from './host-ops.ts'
import { allocate, type HostTensor, sizeOf } from './host-tensor.ts'
import { kernel } from './kernel.ts'

/** From opset 11 on a negative index counts from the end of its axis. */
function positive(indices: HostTensor, size: number): Int32Array {
  return Int32Array.from(indices.data, (index) => {
    const wrapped = index < 0 ? index + size : index
    if (!(wrapped >= 0 && wrapped < size)) {
      throw new DriftlineError('MODEL_INVALID', { reason: 'an index that is not there', index, size })
    }
    return wrapped
  })
}

/** The elements of `data`, read as a vector, at `indices`. The gradient adds up what was read twice. */
function takeDevice(data: tf.Tensor, dims: readonly number[], indices: Int32Array): tf.Tensor {
  const taken = tf.gather(tf.reshape(data, [-1]), tf.tensor1d(indices, 'int32'))
  return tf.reshape(taken, [...dims])
}

const axisAttribute = z.strictObject({ axis: z.int().default(0) })

/** data [d₀ … dᵣ₋₁], indices [i₀ … i_q₋₁] → `data` with axis `axis` replaced by the axes of `indices`. */
export const gather = kernel({
  op: 'Gather',
  since: 11,
  inputs: { data: 'tensor', indices: 'host' },
  attrs: axisAttribute,
  host: ({ data, indices }, { axis: given }) => {
    const axis = axisOf(given, data.dims.length)
    const stride = at([...stridesOf(data.dims), 1], axis)
    const chosen = positive(indices, data.dims[axis] ?? 0)
    const [before, after] = [data.dims.slice(0, axis), data.dims.slice(axis + 1)]
    const flat = new Int32Array(sizeOf(before) * chosen.length * stride)
    let to = 0
    for (let outer = 0; outer < sizeOf(before); outer++) {
      for (const index of chosen) {
        const from = (outer * at(data.dims, axis) + index) * stride
        for (let inner = 0; inner < stride; inner++) flat[to++] = from + inner
      }
    }
    return take(data, [...before, ...indices.dims, ...after], flat)
  },
  run: ({ data, indices }, { axis: given }) => {
    const axis = axisOf(given, data.rank)
    const chosen = positive(indices, data.shape[axis] ?? 0)
    const dims = [...data.shape.slice(0, axis), ...indices.dims, ...data.shape.slice(axis + 1)]
    const [index] = chosen
    if (chosen.length === 1 && index !== undefined && axis > 0) {
      // A slice: its gradient is a padding, where that of a gather is a sum by segments. Axis 0 is for tables.
      const begin = data.shape.map((_, each) => (each === axis ? index : 0))
      const size = data.shape.map((dim, each) => (each === axis ? 1 : dim))
      return tf.reshape(tf.slice(data, begin, size), dims)
    }
    return tf.reshape(tf.gather(data, tf.tensor1d(chosen, 'int32'), axis), dims)
  },
})

/** output[i][j] = data[i][indices[i][j]] for axis 1, and so on: `indices` gives the shape. */
export const gatherElements = kernel({
  op: 'GatherElements',
  since: 11,
  inputs: { data: 'tensor', indices: 'host' },
  attrs: axisAttribute,
  host: ({ data, indices }, { axis }) => take(data, indices.dims, elementOffsets(data.dims, indices, axis)),
  run: ({ data, indices }, { axis }) => takeDevice(data, indices.dims, elementOffsets(data.shape, indices, axis)),
})

function elementOffsets(dims: readonly number[], indices: HostTensor, given: number): Int32Array {
  const axis = axisOf(given, dims.length)
  const strides = stridesOf(dims)
  const stride = at(strides, axis)
  const flat = offsets(
    indices.dims,
    strides.map((each, index) => (index === axis ? 0 : each)),
  )
  const chosen = positive(indices, at(dims, axis))
  for (let index = 0; index < flat.length; index++) flat[index] = at(flat, index) + at(chosen, index) * stride
  return flat
}

/** The last axis of `indices` is a position in `data` after its first `batch_dims` axes. */
export const gatherNd = kernel({
  op: 'GatherND',
  since: 11,
  inputs: { data: 'tensor', indices: 'host' },
  attrs: z.strictObject({ batch_dims: z.int().default(0) }),
  host: ({ data, indices }, { batch_dims }) => {
    const { rows, rowSize, dims } = rowsOf(data.dims, indices, batch_dims)
    const flat = new Int32Array(rows.length * rowSize)
    for (let row = 0; row < rows.length; row++) {
      for (let inner = 0; inner < rowSize; inner++) flat[row * rowSize + inner] = at(rows, row) * rowSize + inner
    }
    return take(data, dims, flat)
  },
  run: ({ data, indices }, { batch_dims }) => {
    const { rows, rowSize, dims } = rowsOf(data.shape, indices, batch_dims)
    const table = tf.reshape(data, [sizeOf(data.shape) / Math.max(rowSize, 1), rowSize])
    return tf.reshape(tf.gather(table, tf.tensor1d(rows, 'int32')), dims)
  },
})

/** `data` as [rows, rowSize]: the rows that the positions name, and the shape of what they give. */
function rowsOf(dims: readonly number[], indices: HostTensor, batchDims: number) {
  const length = at(indices.dims, indices.dims.length - 1)
  const [outer, inner] = [indices.dims.slice(0, -1), dims.slice(batchDims + length)]
  const rowSize = sizeOf(inner)
  const strides = stridesOf(dims.slice(0, batchDims + length))
  const rows = offsets(
    outer,
    outer.map((_, axis) => (axis < batchDims ? at(strides, axis) : 0)),
  )
  for (let row = 0; row < rows.length; row++) {
    for (let part = 0; part < length; part++) {
      const axis = batchDims + part
      const [index, size] = [at(indices.data, row * length + part), at(dims, axis)]
      const wrapped = index < 0 ? index + size : index
      if (!(wrapped >= 0 && wrapped < size)) {
        throw new DriftlineError('MODEL_INVALID', { reason: 'an index that is not there', index, size })
      }
      rows[row] = at(rows, row) + wrapped * at(strides, axis)
    }
  }
  return { rows, rowSize, dims: [...outer, ...inner] }
}

const reduction = z.strictObject({ reduction: z.literal('none').default('none') })

/** `data` with the rows that `indices` names replaced by those of `updates`; of two for one row the later one stays. */
export const scatterNd = kernel({
  op: 'ScatterND',
  since: 11,
  inputs: { data: 'tensor', indices: 'host', updates: 'tensor' },
  attrs: reduction,
  host: ({ data, indices, updates }) => {
    const { rows, rowSize } = rowsOf(data.dims, indices, 0)
    const result = allocate(data.type, data.dims)
    result.set(data.data)
    for (let row = 0; row < rows.length; row++) {
      result.set(updates.data.subarray(row * rowSize, (row + 1) * rowSize), at(rows, row) * rowSize)
    }
    return { ...data, data: result }
  },
  run: ({ data, indices, updates }) => {
    const { rows, rowSize } = rowsOf(data.shape, indices, 0)
    const count = sizeOf(data.shape) / Math.max(rowSize, 1)
    const source = Int32Array.from({ length: count }, (_, row) => row)
    for (let row = 0; row < rows.length; row++) source[at(rows, row)] = count + row
    const both = tf.concat([tf.reshape(data, [count, rowSize]), tf.reshape(updates, [rows.length, rowSize])], 0)
    return tf.reshape(tf.gather(both, tf.tensor1d(source, 'int32')), data.shape)
  },
})

/** `data` with single elements replaced, the reverse of GatherElements. */
export const scatterElements = kernel({
  op: 'ScatterElements',
  since: 11,
  inputs: { data: 'tensor', indices: 'host', updates: 'tensor' },
  attrs: z.strictObject({ axis: z.int().default(0), reduction: z.literal('none').default('none') }),
  host: ({ data, indices, updates }, { axis }) => {
    const result = allocate(data.type, data.dims)
    result.set(data.data)
    for (const [from, to] of elementOffsets(data.dims, indices, axis).entries()) result[to] = at(updates.data, from)
    return { ...data, data: result }
  },
  run: ({ data, indices, updates }, { axis }) => {
    const count = sizeOf(data.shape)
    const source = Int32Array.from({ length: count }, (_, index) => index)
    for (const [from, to] of elementOffsets(data.shape, indices, axis).entries()) source[to] = count + from
    return takeDevice(tf.concat([tf.reshape(data, [-1]), tf.reshape(updates, [-1])]), data.shape, source)
  },
})

interface Cut {
  readonly start: number
  readonly step: number
  readonly size: number
}

/** One entry per axis. Starts and ends are cut to the axis, as Python does it. */
function cuts(
  dims: readonly number[],
  starts: HostTensor,
  ends: HostTensor,
  axes: HostTensor | undefined,
  steps: HostTensor | undefined,
): Cut[] {
  const result: Cut[] = dims.map((size) => ({ start: 0, step: 1, size }))
  for (let entry = 0; entry < starts.data.length; entry++) {
    const axis = axisOf(axes === undefined ? entry : at(axes.data, entry), dims.length)
    const [dim, step] = [at(dims, axis), steps === undefined ? 1 : at(steps.data, entry)]
    if (step === 0) throw new DriftlineError('MODEL_INVALID', { reason: 'a slice of step 0' })
    const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1]
    const clamp = (index: number): number => Math.min(Math.max(index < 0 ? index + dim : index, low), high)
    const [start, end] = [clamp(at(starts.data, entry)), clamp(at(ends.data, entry))]
    result[axis] = { start, step, size: Math.max(0, Math.ceil((end - start) / step)) }
  }
  return result
}

export const slice = kernel({
  op: 'Slice',
  since: 10,
  inputs: { data: 'tensor', starts: 'host', ends: 'host', axes: 'host?', steps: 'host?' },
  host: ({ data, starts, ends, axes, steps }) => {
    const cut = cuts(data.dims, starts, ends, axes, steps)
    const [dims, strides] = [cut.map(({ size }) => size), stridesOf(data.dims)]
    const begin = cut.reduce((sum, { start }, axis) => sum + start * at(strides, axis), 0)
    return take(
      data,
      dims,
      offsets(
        dims,
        cut.map(({ step }, axis) => step * at(strides, axis)),
        begin,
      ),
    )
  },
  run: ({ data, starts, ends, axes, steps }) => {
    const cut = cuts(data.shape, starts, ends, axes, steps)
    const plain = cut.map((each, axis) => (each.step === 1 ? each : { start: 0, step: 1, size: at(data.shape, axis) }))
    let result = tf.slice(
      data,
      plain.map(({ start }) => start),
      plain.map(({ size }) => size),
    )
    for (const [axis, { start, step, size }] of cut.entries()) {
      if (step === 1) continue
      const indices = Int32Array.from({ length: size }, (_, index) => start + index * step)
      result = tf.gather(result, tf.tensor1d(indices, 'int32'), axis)
    }
    return result
  },
})
