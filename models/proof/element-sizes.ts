/** How a constant of some type is kept: in `raw_data`, or as numbers in a field of its own. */
export interface ElementType {
  readonly name: string
  /** In `raw_data`; half a byte for types of four bits, 0 where `raw_data` cannot hold it. */
  readonly bytes: number
  /** Number of the field of `TensorProto` that holds values one by one. */
  readonly field: number
  /** How many numbers of that field make so many elements. */
  readonly numbers: (count: number) => number
}

const each = (count: number): number => count
const pairs = (count: number): number => 2 * count
const halves = (count: number): number => Math.ceil(count / 2)
const quarters = (count: number): number => Math.ceil(count / 4)

const [floats, int32s, strings, int64s, doubles, uint64s] = [4, 5, 6, 7, 10, 11]

/** How each field of `TensorProto` that may hold data is counted. */
export const storedIn: ReadonlyMap<number, 'bytes' | 'numbers' | 'floats' | 'doubles' | 'strings'> = new Map([
  [9, 'bytes'],
  [floats, 'floats'],
  [int32s, 'numbers'],
  [strings, 'strings'],
  [int64s, 'numbers'],
  [doubles, 'doubles'],
  [uint64s, 'numbers'],
] as const)

/** `TensorProto.DataType` by its number. @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3 */
const types: readonly (readonly [string, number, number, (count: number) => number] | undefined)[] = [
  undefined,
  ['float32', 4, floats, each],
  ['uint8', 1, int32s, each],
  ['int8', 1, int32s, each],
  ['uint16', 2, int32s, each],
  ['int16', 2, int32s, each],
  ['int32', 4, int32s, each],
  ['int64', 8, int64s, each],
  ['string', 0, strings, each],
  ['bool', 1, int32s, each],
  ['float16', 2, int32s, each],
  ['float64', 8, doubles, each],
  ['uint32', 4, uint64s, each],
  ['uint64', 8, uint64s, each],
  ['complex64', 8, floats, pairs],
  ['complex128', 16, doubles, pairs],
  ['bfloat16', 2, int32s, each],
  ['float8e4m3fn', 1, int32s, each],
  ['float8e4m3fnuz', 1, int32s, each],
  ['float8e5m2', 1, int32s, each],
  ['float8e5m2fnuz', 1, int32s, each],
  ['uint4', 0.5, int32s, halves],
  ['int4', 0.5, int32s, halves],
  ['float4e2m1', 0.5, int32s, halves],
  ['float8e8m0', 1, int32s, each],
  ['uint2', 0.25, int32s, quarters],
  ['int2', 0.25, int32s, quarters],
]

export function elementType(code: number): ElementType | undefined {
  const [name, bytes, field, numbers] = types[code] ?? []
  if (name === undefined || bytes === undefined || field === undefined || numbers === undefined) return undefined
  return { name, bytes, field, numbers }
}
