import { DriftlineError } from '../core/errors.ts'
import { fromTensor } from './kernels/host-tensor.ts'
import type { Attributes, AttributeValue } from './kernels/kernel.ts'
import type { Attribute, Node } from './onnx/model.ts'

/** Attributes as kernels take them. @throws DriftlineError `OPERATOR_UNSUPPORTED` for a kind that none takes */
export const attributesOf = (node: Node): Attributes =>
  Object.fromEntries(Object.entries(node.attributes).map(([name, attribute]) => [name, plain(node, name, attribute)]))

function plain(node: Node, name: string, attribute: Attribute): AttributeValue {
  switch (attribute.kind) {
    case 'int':
      return Number(attribute.value)
    case 'ints':
      return attribute.value.map(Number)
    case 'tensor': {
      const tensor = fromTensor(attribute.value)
      if (tensor === undefined) break
      return tensor
    }
    case 'graph':
    case 'other':
      break
    default:
      return attribute.value
  }
  throw new DriftlineError('OPERATOR_UNSUPPORTED', { reason: `attribute ${name}`, op: node.op, node: node.name })
}
