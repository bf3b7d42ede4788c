/** Typed contents of a tensor, by element type. float16 stays as its bits, strings are not used by classifiers. */
export type TensorData =
  | { readonly type: 'float32'; readonly data: Float32Array }
  | { readonly type: 'float64'; readonly data: Float64Array }
  | { readonly type: 'float16'; readonly data: Uint16Array }
  | { readonly type: 'int8'; readonly data: Int8Array }
  | { readonly type: 'uint8'; readonly data: Uint8Array }
  | { readonly type: 'int32'; readonly data: Int32Array }
  | { readonly type: 'int64'; readonly data: BigInt64Array }
  | { readonly type: 'bool'; readonly data: Uint8Array }

export type TensorType = TensorData['type']

/** A constant: `dims` has no negative entry, and their product is `data.length`. */
export type Tensor = TensorData & { readonly name: string; readonly dims: readonly number[] }

export type Attribute =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly bigint[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  | { readonly kind: 'graph'; readonly value: Graph }

export interface Node {
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
  readonly type: TensorType
  /** A number, or the name of a symbolic dimension; `undefined` when the rank is unknown. */
  readonly shape: readonly (number | string)[] | undefined
}

export interface Graph {
  readonly name: string
  /** In topological order. */
  readonly nodes: readonly Node[]
  readonly initializers: ReadonlyMap<string, Tensor>
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
}

export interface Model {
  readonly irVersion: number
  readonly producer: string
  /** Opset version by domain. */
  readonly opsets: ReadonlyMap<string, number>
  readonly graph: Graph
  readonly metadata: Readonly<Record<string, string>>
}
