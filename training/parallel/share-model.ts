import type { Model, Tensor } from '../onnx/model.ts'
import type { Layout } from './layout.ts'
import type { SharedState } from './shared-state.ts'

/** Float initialisers from this size on are shared between threads; smaller ones are copied with the model. */
const smallestShared = 1024

/**
 * Moves the weights of a model to shared memory, so that handing it to a worker copies none: those in training to the
 * flat array, the frozen ones each to its own.
 */
export function shareModel(model: Model, layout: Layout, { weights }: SharedState): Model {
  const places = new Map([...layout.dense, ...layout.tables].map((entry) => [entry.name, entry]))
  const share = (tensor: Tensor): Tensor => {
    if (tensor.type !== 'float32') return tensor
    const place = places.get(tensor.name)
    if (place !== undefined) {
      const data = weights.subarray(place.offset, place.offset + place.length)
      data.set(tensor.data)
      return { ...tensor, data }
    }
    if (tensor.data.length < smallestShared) return { ...tensor, data: tensor.data.slice() } // not its whole file's buffer
    const data = new Float32Array(new SharedArrayBuffer(tensor.data.byteLength))
    data.set(tensor.data)
    return { ...tensor, data }
  }
  const initializers = new Map([...model.graph.initializers].map(([name, tensor]) => [name, share(tensor)]))
  return { ...model, graph: { ...model.graph, initializers } }
}
