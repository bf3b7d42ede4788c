import { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '../tf.ts'

/** The values of a tensor without copying them where the backend allows it. Valid until anything else is computed. */
export function heapView(tensor: tf.Tensor): Float32Array {
  const backend = tf.backend()
  const values = backend instanceof BackendWasm ? backend.typedArrayFromHeap(tensor) : tensor.dataSync<'float32'>()
  if (!(values instanceof Float32Array)) throw new Error(`a ${tensor.dtype} tensor where float32 was expected`)
  return values
}

/**
 * A tensor of this shape whose values are never read. On wasm its memory is reserved and never touched, so that it costs
 * no resident byte; elsewhere it shares `values`.
 */
export function tensorOverRows(dims: readonly number[], values: Float32Array): tf.Tensor {
  const backend = tf.backend()
  if (!(backend instanceof BackendWasm)) return tf.tensor(values, [...dims])
  return tf.engine().makeTensorFromTensorInfo(backend.makeOutput([...dims], 'float32'))
}

/**
 * The tensor with new values: written in place on wasm, whose kernels here keep no packed copy of a weight; a new tensor
 * elsewhere.
 */
export function refreshed(tensor: tf.Tensor, values: Float32Array): tf.Tensor {
  if (tf.backend() instanceof BackendWasm) {
    heapView(tensor).set(values)
    return tensor
  }
  tensor.dispose()
  return tf.tensor(values, tensor.shape)
}
