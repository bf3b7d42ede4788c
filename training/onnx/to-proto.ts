import { create, type Message } from '@bufbuild/protobuf'
import { bytesOf, codeOfType } from './element-types.ts'
import type { Attribute, Graph, Model, Node, Tensor, Unparsed, ValueInfo } from './model.ts'
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb.ts'
import { parseValueInfo } from './parse.ts'

/** Gives a message the fields of the file that we did not parse. */
function keeping<M extends Message>(message: M, { unparsed }: Unparsed): M {
  if (unparsed !== undefined) message.$unknown = [...unparsed]
  return message
}

/** Everything but the graph. */
export const modelFrame = (model: Model): ModelProto =>
  keeping(
    create(ModelProtoSchema, {
      irVersion: BigInt(model.irVersion),
      producerName: model.producer,
      opsetImport: [...model.opsets].map(([domain, version]) => ({ domain, version: BigInt(version) })),
      metadataProps: Object.entries(model.metadata).map(([key, value]) => ({ key, value })),
    }),
    model,
  )

/** Everything but the initialisers. */
export const graphFrame = (graph: Graph): GraphProto =>
  keeping(
    create(GraphProtoSchema, {
      name: graph.name,
      node: graph.nodes.map(nodeProto),
      input: graph.inputs.map(valueInfoProto),
      output: graph.outputs.map(valueInfoProto),
    }),
    graph,
  )

/** A graph inside an attribute: small, so its tensors are copied. */
function graphProto(graph: Graph): GraphProto {
  const proto = graphFrame(graph)
  proto.initializer = [...graph.initializers].map(([name, tensor]) => tensorProto({ ...tensor, name }))
  return proto
}

const nodeProto = (node: Node): NodeProto =>
  keeping(
    create(NodeProtoSchema, {
      ...(node.name !== '' && { name: node.name }),
      opType: node.op,
      ...(node.domain !== '' && { domain: node.domain }),
      input: [...node.inputs],
      output: [...node.outputs],
      attribute: Object.entries(node.attributes).map(([name, attribute]) => attributeProto(name, attribute)),
    }),
    node,
  )

function attributeProto(name: string, attribute: Attribute): AttributeProto {
  const make = (fields: Omit<Partial<AttributeProto>, '$typeName' | '$unknown'>): AttributeProto =>
    keeping(create(AttributeProtoSchema, { name, ...fields }), attribute)
  switch (attribute.kind) {
    case 'float':
      return make({ type: 1, f: attribute.value })
    case 'int':
      return make({ type: 2, i: attribute.value })
    case 'string':
      return make({ type: 3, s: Buffer.from(attribute.value) })
    case 'tensor':
      return make({ type: 4, t: tensorProto(attribute.value) })
    case 'graph':
      return make({ type: 5, g: graphProto(attribute.value) })
    case 'floats':
      return make({ type: 6, floats: [...attribute.value] })
    case 'ints':
      return make({ type: 7, ints: [...attribute.value] })
    case 'strings':
      return make({ type: 8, strings: attribute.value.map((entry) => Buffer.from(entry)) })
    case 'other':
      return attribute.value
  }
}

/** Everything but the contents, unless we do not interpret those. */
export function tensorFrame(tensor: Tensor): TensorProto {
  if (tensor.type === 'other') return tensor.proto
  const { name, dims, type } = tensor
  const proto = create(TensorProtoSchema, {
    ...(name !== '' && { name }),
    dims: dims.map(BigInt),
    dataType: codeOfType(type),
  })
  return keeping(proto, tensor)
}

function tensorProto(tensor: Tensor): TensorProto {
  const proto = tensorFrame(tensor)
  if (tensor.type !== 'other') proto.rawData = bytesOf(tensor.data)
  return proto
}

function valueInfoProto(info: ValueInfo): ValueInfoProto {
  const fresh = create(ValueInfoProtoSchema, {
    name: info.name,
    ...(info.type !== 'other' && {
      type: {
        tensorType: {
          elemType: codeOfType(info.type),
          ...(info.shape && {
            shape: {
              dim: info.shape.map((dim) => ({
                value:
                  typeof dim === 'number'
                    ? { case: 'dimValue' as const, value: BigInt(dim) }
                    : { case: 'dimParam' as const, value: dim },
              })),
            },
          }),
        },
      },
    }),
  })
  if (info.proto === undefined) return fresh
  const said = parseValueInfo(info.proto)
  const same = said.name === info.name && said.type === info.type && String(said.shape) === String(info.shape)
  return same ? info.proto : fresh
}
