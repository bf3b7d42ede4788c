// A writer of ONNX files that asks no questions: what the training's codec refuses to write, hostile models are made of.

const encoder = new TextEncoder()

export type Value = number | string | Uint8Array | readonly Value[]

/** A protobuf varint; negative numbers as 64 bits. */
export function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value))
  const bytes: number[] = []
  for (;;) {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    if (rest === 0n) return Uint8Array.from([...bytes, low])
    bytes.push(low | 0x80)
  }
}

export const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** A length-delimited field. */
export function bytes(no: number, content: Uint8Array | string): Uint8Array {
  const body = typeof content === 'string' ? encoder.encode(content) : content
  return joined([varint(no * 8 + 2), varint(body.length), body])
}

export const number = (no: number, value: number | bigint): Uint8Array => joined([varint(no * 8), varint(value)])

export const elementTypes = { float32: 1, int64: 7, string: 8, bool: 9, float16: 10 } as const

export interface TensorFields {
  readonly name?: string
  readonly dims?: readonly (number | bigint)[]
  readonly type?: number
  readonly raw?: Uint8Array
  /** Fields that stand behind these. */
  readonly more?: readonly Uint8Array[]
}

export const tensor = ({
  name = '',
  dims = [],
  type = elementTypes.float32,
  raw,
  more = [],
}: TensorFields): Uint8Array =>
  joined([
    ...dims.map((size) => number(1, size)),
    number(2, type),
    bytes(8, name),
    ...(raw === undefined ? [] : [bytes(9, raw)]),
    ...more,
  ])

export const floats = (name: string, dims: readonly number[], values: readonly number[]): Uint8Array =>
  tensor({ name, dims, raw: new Uint8Array(Float32Array.from(values).buffer) })

export const int64s = (name: string, dims: readonly number[], values: readonly (number | bigint)[]): Uint8Array =>
  tensor({ name, dims, type: elementTypes.int64, raw: new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer) })

/** A tensor that says it lies in another file. */
export const external = (name: string, location: string, length: number): Uint8Array =>
  tensor({
    name,
    dims: [length / 4],
    more: [
      ...Object.entries({ location, offset: '0', length: String(length) }).map(([key, value]) =>
        bytes(13, joined([bytes(1, key), bytes(2, value)])),
      ),
      number(14, 1),
    ],
  })

export const int = (name: string, value: number): Uint8Array =>
  joined([bytes(1, name), number(3, value), number(20, 2)])
export const ints = (name: string, values: readonly number[]): Uint8Array =>
  joined([bytes(1, name), ...values.map((value) => number(8, value)), number(20, 7)])
export const text = (name: string, value: string): Uint8Array =>
  joined([bytes(1, name), bytes(4, value), number(20, 3)])
export const constant = (name: string, value: Uint8Array): Uint8Array =>
  joined([bytes(1, name), bytes(5, value), number(20, 4)])
export const graphAttribute = (name: string, value: Uint8Array): Uint8Array =>
  joined([bytes(1, name), bytes(6, value), number(20, 5)])

export interface NodeFields {
  readonly domain?: string
  readonly attributes?: readonly Uint8Array[]
}

export const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  { domain = '', attributes = [] }: NodeFields = {},
): Uint8Array =>
  joined([
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, op),
    ...attributes.map((attribute) => bytes(5, attribute)),
    ...(domain === '' ? [] : [bytes(7, domain)]),
  ])

/** An input or output; a dimension is a size or a name. */
export const port = (name: string, type: number, shape: readonly (number | string)[]): Uint8Array => {
  const dims = shape.map((size) => bytes(1, typeof size === 'number' ? number(1, size) : bytes(2, size)))
  return joined([bytes(1, name), bytes(2, bytes(1, joined([number(1, type), bytes(2, joined(dims))])))])
}

export interface GraphFields {
  readonly nodes: readonly Uint8Array[]
  readonly constants?: readonly Uint8Array[]
  readonly inputs?: readonly Uint8Array[]
  readonly outputs?: readonly Uint8Array[]
  readonly more?: readonly Uint8Array[]
}

export const graph = ({ nodes, constants = [], inputs = [], outputs = [], more = [] }: GraphFields): Uint8Array =>
  joined([
    ...nodes.map((made) => bytes(1, made)),
    bytes(2, 'g'),
    ...constants.map((made) => bytes(5, made)),
    ...inputs.map((made) => bytes(11, made)),
    ...outputs.map((made) => bytes(12, made)),
    ...more,
  ])

export const model = (made: Uint8Array, { opset = 17, ir = 8, more = [] as readonly Uint8Array[] } = {}): Uint8Array =>
  joined([number(1, ir), bytes(7, made), bytes(8, joined([bytes(1, ''), number(2, opset)])), ...more])
