import type { Message, UnknownField } from '@bufbuild/protobuf'
import { DriftlineError } from '../../core/errors.ts'
import { bytesOf, bytesPerElement, type KnownType, typedView, typeOfCode } from './element-types.ts'
import type { ExternalData, ExternalLocation } from './external-data.ts'
import type { Tensor, TensorData } from './model.ts'
import type { TensorProto } from './onnx_pb.ts'

/** A number from a 64-bit field that has to be a size. */
export function size(value: bigint, what: string): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new DriftlineError('MODEL_INVALID', { reason: `${what} is no size`, value: String(value) })
  }
  return Number(value)
}

/** The fields that our schema does not have, copied: they outlive the file's bytes. */
export const unparsed = ({ $unknown }: Message): UnknownField[] | undefined =>
  $unknown?.map((field) => ({ ...field, data: new Uint8Array(field.data) }))

/** Views into the file where the alignment allows it. */
export function parseTensor(proto: TensorProto, external: ExternalData): Tensor {
  const dims = proto.dims.map((dim) => size(dim, `a dimension of ${proto.name}`))
  const type = typeOfCode(proto.dataType)
  const base = { name: proto.name, dims, unparsed: unparsed(proto) }
  if (proto.dataLocation === 1) {
    proto.rawData = external(locationOf(proto))
    proto.externalData = []
    proto.dataLocation = 0
  }
  if (type === 'other') return { ...base, type, data: proto.rawData, proto }
  const contents = dataOf(type, proto)
  const elements = dims.reduce((product, dim) => product * dim, 1)
  if (contents.data.length !== elements) {
    const details = { reason: 'a tensor does not have as many elements as its shape', tensor: proto.name, dims }
    throw new DriftlineError('MODEL_INVALID', { ...details, elements: contents.data.length })
  }
  return { ...base, ...contents }
}

function locationOf(proto: TensorProto): ExternalLocation {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]))
  const number = (key: string): number | undefined => {
    const text = entries.get(key)
    if (text === undefined) return undefined
    if (!/^\d{1,18}$/.test(text)) {
      throw new DriftlineError('MODEL_INVALID', { reason: `external data has no valid ${key}`, tensor: proto.name })
    }
    return size(BigInt(text), key)
  }
  return { location: entries.get('location') ?? '', offset: number('offset') ?? 0, length: number('length') }
}

/** From `raw_data`, or from the typed field that the specification assigns to the type. */
function dataOf(type: KnownType, proto: TensorProto): Exclude<TensorData, { type: 'other' }> {
  if (proto.rawData.length > 0) return typedView(type, proto.rawData)
  switch (type) {
    case 'float32':
      return { type, data: Float32Array.from(proto.floatData) }
    case 'float64':
      return { type, data: Float64Array.from(proto.doubleData) }
    case 'int64':
      return { type, data: BigInt64Array.from(proto.int64Data) }
    case 'uint64':
      return { type, data: BigUint64Array.from(proto.uint64Data) }
    case 'uint32':
      return { type, data: Uint32Array.from(proto.uint64Data, Number) }
    default:
      return typedView(type, narrowed(proto.int32Data, bytesPerElement(type)))
  }
}

/** The small types share `int32_data`, one element per entry: keeps the low `bytes` of each. */
function narrowed(values: readonly number[], bytes: number): Uint8Array {
  if (bytes === 1) return bytesOf(Uint8Array.from(values))
  return bytesOf(bytes === 2 ? Uint16Array.from(values) : Int32Array.from(values))
}
