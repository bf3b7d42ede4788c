import { DriftlineError } from '../../core/errors.ts'
import type { TensorData, TensorType } from './model.ts'

/** Bytes per element and the number that stands for the type in a file; 0 where we do not interpret it. */
const types = {
  float32: { code: 1, bytes: 4 },
  uint8: { code: 2, bytes: 1 },
  int8: { code: 3, bytes: 1 },
  uint16: { code: 4, bytes: 2 },
  int16: { code: 5, bytes: 2 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  bool: { code: 9, bytes: 1 },
  float16: { code: 10, bytes: 2 },
  float64: { code: 11, bytes: 8 },
  uint32: { code: 12, bytes: 4 },
  uint64: { code: 13, bytes: 8 },
  bfloat16: { code: 16, bytes: 2 },
  other: { code: 0, bytes: 0 },
} as const satisfies Record<TensorType, { code: number; bytes: number }>

const byCode = new Map<number, KnownType>(
  Object.entries(types).flatMap(([type, { code }]) => (isKnown(type) ? [[code, type] as const] : [])),
)

export type KnownType = Exclude<TensorType, 'other'>

function isKnown(type: string): type is KnownType {
  return type in types && type !== 'other'
}

export const typeOfCode = (code: number): TensorType => byCode.get(code) ?? 'other'

export const codeOfType = (type: TensorType): number => types[type].code

export const bytesPerElement = (type: KnownType): number => types[type].bytes

/** Smaller tensors are copied, so that one of them does not keep its whole file in memory. */
const smallestView = 2 ** 16

/**
 * Raw little-endian bytes as a typed array: a view where the alignment allows it (a file gives none), else a copy.
 *
 * @throws DriftlineError `MODEL_INVALID` when the bytes are not a whole number of elements
 */
export function typedView(type: KnownType, raw: Uint8Array): Exclude<TensorData, { type: 'other' }> {
  const size = types[type].bytes
  if (raw.byteLength % size !== 0) {
    throw new DriftlineError('MODEL_INVALID', { reason: 'a tensor is cut off', type, bytes: raw.byteLength })
  }
  const aligned = raw.byteOffset % size === 0 && raw.byteLength >= smallestView ? raw : new Uint8Array(raw)
  const [buffer, offset, length] = [aligned.buffer, aligned.byteOffset, aligned.byteLength / size]
  switch (type) {
    case 'float32':
      return { type, data: new Float32Array(buffer, offset, length) }
    case 'float64':
      return { type, data: new Float64Array(buffer, offset, length) }
    case 'float16':
    case 'bfloat16':
    case 'uint16':
      return { type, data: new Uint16Array(buffer, offset, length) }
    case 'int8':
      return { type, data: new Int8Array(buffer, offset, length) }
    case 'uint8':
    case 'bool':
      return { type, data: new Uint8Array(buffer, offset, length) }
    case 'int16':
      return { type, data: new Int16Array(buffer, offset, length) }
    case 'int32':
      return { type, data: new Int32Array(buffer, offset, length) }
    case 'uint32':
      return { type, data: new Uint32Array(buffer, offset, length) }
    case 'int64':
      return { type, data: new BigInt64Array(buffer, offset, length) }
    case 'uint64':
      return { type, data: new BigUint64Array(buffer, offset, length) }
  }
}

/** The bytes of a typed array, without copying. */
export const bytesOf = (data: ArrayBufferView): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
