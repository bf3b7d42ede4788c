import { DriftlineError } from '../../core/errors.ts'
import { fromFloat16 } from '../onnx/float16.ts'
import type { Tensor } from '../onnx/model.ts'

/**
 * Numbers on the host: what a graph is fed with, and everything it derives from shapes, ids and masks alone. int64 values
 * are kept as doubles, exact to 2⁵³; the smaller integers as int32; float16 and float64 as float32; `bool` holds 0 and 1.
 */
export interface HostTensor {
  readonly type: HostType
  readonly dims: readonly number[]
  readonly data: HostData
}

export type HostType = 'float32' | 'int64' | 'int32' | 'bool'

export type HostData = Float32Array | Float64Array | Int32Array | Uint8Array

/** More elements than any mask or table of indices needs: a damaged shape must not ask for all memory. */
const largest = 2 ** 28

export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1)

/** The shape, if it is one. @throws DriftlineError `MODEL_INVALID` past 2²⁸ elements */
export function checkedDims(dims: readonly number[]): number[] {
  if (dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0) || sizeOf(dims) > largest) {
    throw new DriftlineError('MODEL_INVALID', { reason: 'a tensor of impossible size', dims })
  }
  return [...dims]
}

/** Zeros. @throws DriftlineError `MODEL_INVALID` for a shape that is none, or past 2²⁸ elements */
export function allocate(type: HostType, dims: readonly number[]): HostData {
  const size = sizeOf(checkedDims(dims))
  switch (type) {
    case 'float32':
      return new Float32Array(size)
    case 'int64':
      return new Float64Array(size)
    case 'int32':
      return new Int32Array(size)
    case 'bool':
      return new Uint8Array(size)
  }
}

export function host(type: HostType, dims: readonly number[], values: ArrayLike<number>): HostTensor {
  const data = allocate(type, dims)
  data.set(values)
  return { type, dims, data }
}

/** A vector of int64. */
export const vector = (values: readonly number[]): HostTensor => host('int64', [values.length], values)

export const scalar = (type: HostType, value: number): HostTensor => host(type, [], [value])

export const reshaped = ({ type, data }: HostTensor, dims: readonly number[]): HostTensor => ({ type, dims, data })

/** The single value of a scalar or of a tensor with one element. */
export function only({ data, dims }: HostTensor): number {
  const [value] = data
  if (data.length !== 1 || value === undefined) {
    throw new DriftlineError('MODEL_INVALID', { reason: 'one value is needed', dims })
  }
  return value
}

/** A constant of the graph, or `undefined` for a type that no classifier computes with. */
export function fromTensor(tensor: Tensor): HostTensor | undefined {
  const { dims } = tensor
  switch (tensor.type) {
    case 'float32':
      return { type: 'float32', dims, data: tensor.data }
    case 'float64':
      return { type: 'float32', dims, data: Float32Array.from(tensor.data) }
    case 'float16':
      return { type: 'float32', dims, data: fromFloat16(tensor.data) }
    case 'bfloat16':
      return {
        type: 'float32',
        dims,
        data: new Float32Array(Uint32Array.from(tensor.data, (bits) => bits << 16).buffer),
      }
    case 'int64':
    case 'uint64':
      return { type: 'int64', dims, data: Float64Array.from(tensor.data, Number) }
    case 'uint32':
      return { type: 'int64', dims, data: Float64Array.from(tensor.data) }
    case 'int32':
      return { type: 'int32', dims, data: tensor.data }
    case 'int8':
    case 'uint8':
    case 'int16':
    case 'uint16':
      return { type: 'int32', dims, data: Int32Array.from(tensor.data) }
    case 'bool':
      return { type: 'bool', dims, data: tensor.data }
    case 'other':
      return undefined
  }
}

/** The code of an element type in `Cast` and its relatives → how we compute with it. */
export const hostTypeOfCode: ReadonlyMap<number, HostType> = new Map([
  [1, 'float32'],
  [2, 'int32'],
  [3, 'int32'],
  [4, 'int32'],
  [5, 'int32'],
  [6, 'int32'],
  [7, 'int64'],
  [9, 'bool'],
  [10, 'float32'],
  [11, 'float32'],
  [12, 'int64'],
  [13, 'int64'],
  [16, 'float32'],
])
