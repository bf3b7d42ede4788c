import { DriftlineError } from '../../core/errors.ts'

/** Elements to skip for a step along each axis, row-major. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length).fill(1)
  for (let axis = dims.length - 2; axis >= 0; axis--) strides[axis] = at(strides, axis + 1) * at(dims, axis + 1)
  return strides
}

/** `list[index]`. @throws DriftlineError `MODEL_INVALID` where it does not exist: a graph whose ranks do not fit */
export function at(list: ArrayLike<number>, index: number): number {
  const value = list[index]
  if (value === undefined)
    throw new DriftlineError('MODEL_INVALID', { reason: 'ranks that do not fit', index, rank: list.length })
  return value
}

/** Negative axes count from the end. @throws DriftlineError `MODEL_INVALID` outside −rank … rank − 1 */
export function axisOf(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(positive) || positive < 0 || positive >= Math.max(rank, 1)) {
    throw new DriftlineError('MODEL_INVALID', { reason: 'an axis that is not there', axis, rank })
  }
  return positive
}

/** @throws DriftlineError `MODEL_INVALID` when two sizes differ and neither is 1 */
export function broadcast(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((dims) => dims.length))
  return Array.from({ length: rank }, (_, axis) => {
    let size = 1
    for (const dims of shapes) {
      const dim = dims[axis - (rank - dims.length)] ?? 1
      if (dim === 1) continue
      if (size !== 1 && size !== dim)
        throw new DriftlineError('MODEL_INVALID', { reason: 'shapes do not match', shapes })
      size = dim
    }
    return size
  })
}

/**
 * For every element of `dims`, row-major, the offset Σ index[axis] · strides[axis] (+ `start`): with the strides of
 * another tensor this reads it transposed, repeated (stride 0), sliced or reversed.
 */
export function offsets(dims: readonly number[], strides: readonly number[], start = 0): Int32Array {
  let result = Int32Array.of(start)
  for (const [axis, size] of dims.entries()) {
    const stride = at(strides, axis)
    const next = new Int32Array(result.length * size)
    for (let row = 0, to = 0; row < result.length; row++) {
      for (let index = 0, offset = at(result, row); index < size; index++, offset += stride) next[to++] = offset
    }
    result = next
  }
  return result
}

/** The strides with which a tensor of `dims` fills the larger shape `to`. */
export function broadcastStrides(dims: readonly number[], to: readonly number[]): number[] {
  const strides = stridesOf(dims)
  const lead = to.length - dims.length
  return to.map((_, axis) => (axis < lead || dims[axis - lead] === 1 ? 0 : at(strides, axis - lead)))
}

export const sameDims = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, axis) => dim === b[axis])
