import { seededRandom } from '../../../core/random.ts'
import type { Tensor } from '../../onnx/model.ts'
import type { AttributeInput } from './one-node.ts'

/** One use of an operator, in every opset in which its inputs and attributes mean the same. */
export interface Case {
  readonly what: string
  readonly op: string
  /** First opset; default 11. */
  readonly from?: number
  /** Last opset; default 21. */
  readonly to?: number
  readonly inputs: readonly (Tensor | undefined)[]
  readonly attributes?: Readonly<Record<string, AttributeInput>>
  readonly outputs?: number
  /** Index of the inputs whose gradient is compared with central differences; default none. */
  readonly smooth?: readonly number[]
}

const random = seededRandom(11)
export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1)
const list = <T>(dims: readonly number[], make: () => T): T[] => Array.from({ length: sizeOf(dims) }, make)

/** Between −2 and 2 and not near 0, where some functions have a kink. */
export const floats = (...dims: number[]): Tensor =>
  tensor(
    dims,
    list(dims, () => (random() < 0.5 ? -1 : 1) * (0.1 + 1.9 * random())),
  )

export const positives = (...dims: number[]): Tensor =>
  tensor(
    dims,
    list(dims, () => 0.2 + 2 * random()),
  )

export const tensor = (dims: readonly number[], values: readonly number[]): Tensor => ({
  name: '',
  type: 'float32',
  dims,
  data: Float32Array.from(values),
})

export const int64 = (dims: readonly number[], values: readonly (number | bigint)[]): Tensor => ({
  name: '',
  type: 'int64',
  dims,
  data: BigInt64Array.from(values, BigInt),
})

export const ints = (...values: (number | bigint)[]): Tensor => int64([values.length], values)

export const integers = (low: number, high: number, ...dims: number[]): Tensor =>
  int64(
    dims,
    list(dims, () => low + Math.floor(random() * (high - low))),
  )

export const int32 = (dims: readonly number[], values: readonly number[]): Tensor => ({
  name: '',
  type: 'int32',
  dims,
  data: Int32Array.from(values),
})

export const bools = (...dims: number[]): Tensor => ({
  name: '',
  type: 'bool',
  dims,
  data: Uint8Array.from(list(dims, () => Number(random() < 0.5))),
})

export const scalar = (value: number): Tensor => tensor([], [value])
export const zeros = (...dims: number[]): Tensor => tensor(dims, new Array<number>(sizeOf(dims)).fill(0))
