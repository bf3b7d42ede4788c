import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import { typeOfCode } from './element-types.ts'
import { type ExternalData, externalDataIn, noExternalData } from './external-data.ts'
import type { Attribute, Graph, Model, Node, ValueInfo } from './model.ts'
import {
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
} from './onnx_pb.ts'
import { parseTensor, size, unparsed } from './parse-tensor.ts'

/**
 * Reads a model file of up to 2 GiB and the external data beside it.
 *
 * @throws DriftlineError `MODEL_INVALID`
 */
export async function readModel(path: string): Promise<Model> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw new DriftlineError('MODEL_INVALID', { reason: messageOf(error), path }, { cause: error })
  }
  return parseModel(bytes, externalDataIn(dirname(path)))
}

/**
 * The model in an ONNX file. Tensors are views of `bytes` where the alignment allows it.
 *
 * @throws DriftlineError `MODEL_INVALID` when the bytes are no ONNX model: cut off, damaged, or contradictory
 */
export function parseModel(bytes: Uint8Array, external: ExternalData = noExternalData): Model {
  const proto = decode(bytes)
  if (proto.graph === undefined) throw new DriftlineError('MODEL_INVALID', { reason: 'the file holds no graph' })
  return {
    irVersion: size(proto.irVersion, 'the IR version'),
    producer: proto.producerName,
    opsets: new Map(proto.opsetImport.map(({ domain, version }) => [standard(domain), size(version, 'an opset')])),
    graph: parseGraph(proto.graph, external),
    metadata: Object.fromEntries(proto.metadataProps.map(({ key, value }) => [key, value])),
    unparsed: unparsed(proto),
  }
}

/** As `fromBinary`, which throws plain errors for whatever is wrong with the bytes. */
function decode(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes)
  } catch (error) {
    throw new DriftlineError('MODEL_INVALID', { reason: `not an ONNX file: ${messageOf(error)}` }, { cause: error })
  }
}

/** The standard domain has two spellings. */
const standard = (domain: string): string => (domain === 'ai.onnx' ? '' : domain)

function parseGraph(proto: GraphProto, external: ExternalData): Graph {
  const initializers = new Map(proto.initializer.map((tensor) => [tensor.name, parseTensor(tensor, external)]))
  if (initializers.size < proto.initializer.length) {
    throw new DriftlineError('MODEL_INVALID', { reason: 'two initialisers have the same name', graph: proto.name })
  }
  return {
    name: proto.name,
    nodes: proto.node.map((node) => parseNode(node, external)),
    initializers,
    inputs: proto.input.map(parseValueInfo),
    outputs: proto.output.map(parseValueInfo),
    unparsed: unparsed(proto),
  }
}

const parseNode = (proto: NodeProto, external: ExternalData): Node => ({
  name: proto.name,
  op: proto.opType,
  domain: standard(proto.domain),
  inputs: proto.input,
  outputs: proto.output,
  attributes: Object.fromEntries(proto.attribute.map((entry) => [entry.name, parseAttribute(entry, external)])),
  unparsed: unparsed(proto),
})

/** Refuses bytes that are no text instead of replacing them, and keeps a byte order mark. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function texts(...bytes: readonly Uint8Array[]): string[] | undefined {
  try {
    return bytes.map((entry) => utf8.decode(entry))
  } catch {
    return undefined // a blob in a string attribute, which the format allows
  }
}

function parseAttribute(proto: AttributeProto, external: ExternalData): Attribute {
  const kept = { unparsed: unparsed(proto) }
  switch (proto.type) {
    case 1:
      return { kind: 'float', value: proto.f, ...kept }
    case 2:
      return { kind: 'int', value: proto.i, ...kept }
    case 3: {
      const [value] = texts(proto.s) ?? []
      return value === undefined ? { kind: 'other', value: proto } : { kind: 'string', value, ...kept }
    }
    case 4:
      if (proto.t === undefined) throw missing(proto)
      return { kind: 'tensor', value: parseTensor(proto.t, external), ...kept }
    case 5:
      if (proto.g === undefined) throw missing(proto)
      return { kind: 'graph', value: parseGraph(proto.g, external), ...kept }
    case 6:
      return { kind: 'floats', value: proto.floats, ...kept }
    case 7:
      return { kind: 'ints', value: proto.ints, ...kept }
    case 8: {
      const value = texts(...proto.strings)
      return value === undefined ? { kind: 'other', value: proto } : { kind: 'strings', value, ...kept }
    }
    default:
      return { kind: 'other', value: proto }
  }
}

const missing = ({ name }: AttributeProto): DriftlineError =>
  new DriftlineError('MODEL_INVALID', { reason: 'an attribute has no value', attribute: name })

export function parseValueInfo(proto: ValueInfoProto): ValueInfo {
  const tensor = proto.type?.tensorType
  return {
    name: proto.name,
    type: tensor === undefined ? 'other' : typeOfCode(tensor.elemType),
    shape: tensor?.shape?.dim.map(({ value }) => {
      if (value.case === 'dimValue') return size(value.value, `a dimension of ${proto.name}`)
      return value.value ?? ''
    }),
    proto,
  }
}
