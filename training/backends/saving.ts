import * as tf from '../tf.ts'

const engines = new WeakSet<object>()

/**
 * What an operation keeps for its gradient is another handle on the same values. TensorFlow.js makes it by a whole recorded
 * operation, Identity with a gradient of its own that nothing asks for: 190 of the 710 in a step of a two-layer encoder,
 * whose number, unlike the rest, does not shrink when workers share a batch.
 */
export function saveByReference(): void {
  const engine = tf.engine()
  if (engines.has(engine)) return
  engines.add(engine)
  const value = (x: tf.Tensor): tf.Tensor => {
    engine.backend.incRef(x.dataId)
    return engine.makeTensorFromDataId(x.dataId, x.shape, x.dtype)
  }
  Object.defineProperty(engine, 'clone', { value })
}
