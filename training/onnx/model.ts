import type { UnknownField } from '@bufbuild/protobuf'
import type { AttributeProto, TensorProto, ValueInfoProto } from './onnx_pb.ts'

/** Typed contents of a tensor, by element type. float16 and bfloat16 stay as their bits. */
export type TensorData =
  | { readonly type: 'float32'; readonly data: Float32Array }
  | { readonly type: 'float64'; readonly data: Float64Array }
  | { readonly type: 'float16'; readonly data: Uint16Array }
  | { readonly type: 'bfloat16'; readonly data: Uint16Array }
  | { readonly type: 'int8'; readonly data: Int8Array }
  | { readonly type: 'uint8'; readonly data: Uint8Array }
  | { readonly type: 'int16'; readonly data: Int16Array }
  | { readonly type: 'uint16'; readonly data: Uint16Array }
  | { readonly type: 'int32'; readonly data: Int32Array }
  | { readonly type: 'uint32'; readonly data: Uint32Array }
  | { readonly type: 'int64'; readonly data: BigInt64Array }
  | { readonly type: 'uint64'; readonly data: BigUint64Array }
  | { readonly type: 'bool'; readonly data: Uint8Array }
  /** Strings, complex numbers, 4- and 8-bit floats …: kept as they were in the file, not interpreted. */
  | { readonly type: 'other'; readonly data: Uint8Array; readonly proto: TensorProto }

export type TensorType = TensorData['type']

/** Fields of the file that have no place here (doc strings, metadata, later additions); written back as they were. */
export interface Unparsed {
  readonly unparsed?: readonly UnknownField[] | undefined
}

/** A constant: `dims` has no negative entry, and their product is `data.length`, except for type `other`. */
export type Tensor = TensorData & Unparsed & { readonly name: string; readonly dims: readonly number[] }

export type Attribute = Unparsed &
  (
    | { readonly kind: 'float'; readonly value: number }
    | { readonly kind: 'int'; readonly value: bigint }
    | { readonly kind: 'string'; readonly value: string }
    | { readonly kind: 'floats'; readonly value: readonly number[] }
    | { readonly kind: 'ints'; readonly value: readonly bigint[] }
    | { readonly kind: 'strings'; readonly value: readonly string[] }
    | { readonly kind: 'tensor'; readonly value: Tensor }
    | { readonly kind: 'graph'; readonly value: Graph }
    /** Sparse tensors, types, lists of graphs, bytes that are no text: as they were in the file. */
    | { readonly kind: 'other'; readonly value: AttributeProto }
  )

export interface Node extends Unparsed {
  readonly name: string
  readonly op: string
  /** '' is the standard domain, ai.onnx. */
  readonly domain: string
  /** '' stands for an optional input that is left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, Attribute>>
}

export interface ValueInfo {
  readonly name: string
  /** `other` for what is no tensor. */
  readonly type: TensorType
  /** A number, or the name of a symbolic dimension ('' without one); `undefined` when the rank is unknown. */
  readonly shape: readonly (number | string)[] | undefined
  /** As it was in the file; used in place of `type` and `shape` while it still says the same. */
  readonly proto?: ValueInfoProto | undefined
}

export interface Graph extends Unparsed {
  readonly name: string
  /** In topological order. */
  readonly nodes: readonly Node[]
  readonly initializers: ReadonlyMap<string, Tensor>
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
}

export interface Model extends Unparsed {
  readonly irVersion: number
  readonly producer: string
  /** Opset version by domain. */
  readonly opsets: ReadonlyMap<string, number>
  readonly graph: Graph
  readonly metadata: Readonly<Record<string, string>>
}
