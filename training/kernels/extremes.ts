import * as tf from '../tf.ts'
import { sizeOf } from './host-tensor.ts'

// Which of equal extremes gets the gradient. tfjs gives each the whole of it, which is the gradient of nothing; PyTorch's
// choices are followed. Equals are common: a word that occurs twice in a post, or whatever a ReLU has cut off.

/**
 * An operation with a gradient of our own.
 *
 * @param gradient from that of the result, the inputs and the result: that of each input
 */
function withGradient<const I extends readonly tf.Tensor[]>(
  inputs: I,
  value: () => tf.Tensor,
  gradient: (dy: tf.Tensor, inputs: I, y: tf.Tensor) => tf.Tensor[],
): tf.Tensor {
  const operation = tf.customGrad((...given) => {
    const save = given.at(-1)
    if (typeof save !== 'function') throw new Error('tf.customGrad hands over its way to save last')
    const y = value()
    save([y, ...inputs]) // the program releases a value after its last use, and gradients come later
    // `saved` holds what went into `save`, in that order.
    return {
      value: y,
      gradFunc: (dy, saved) => gradient(dy, saved.slice(1) as readonly tf.Tensor[] as I, saved[0] ?? y),
    }
  })
  return operation(...inputs)
}

type Reduce = (x: tf.Tensor, axes: number[], keepDims: boolean) => tf.Tensor

/** Along axes, dropped: equals share the gradient evenly, as in PyTorch's `amax` and `amin`. */
const along =
  (reduce: Reduce) =>
  (x: tf.Tensor, axes: number[]): tf.Tensor => {
    const kept = withGradient(
      [x],
      () => reduce(x, axes, true),
      (dy, [x], y) => {
        const chosen = tf.cast(tf.equal(x, y), 'float32')
        return [tf.mul(chosen, tf.div(dy, tf.sum(chosen, axes, true)))]
      },
    )
    return tf.squeeze(kept, axes)
  }

export const maxAlong = along(tf.max)
export const minAlong = along(tf.min)

/** Of two tensors of one shape: equals take half each, as in PyTorch's `maximum` and `minimum`. */
const ofTwo =
  (pick: typeof tf.maximum) =>
  (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
    withGradient(
      [a, b],
      () => pick(a, b),
      (dy, [a, b], y) => {
        const [fromA, fromB] = [a, b].map((x) => tf.cast(tf.equal(x, y), 'float32')) as [tf.Tensor, tf.Tensor]
        const part = tf.div(dy, tf.add(fromA, fromB))
        return [tf.mul(part, fromA), tf.mul(part, fromB)]
      },
    )

export const maxOfTwo = ofTwo(tf.maximum)
export const minOfTwo = ofTwo(tf.minimum)

/** x [n, channels, …] → [n, channels, 1, …]: the first of equals gets the gradient, as in PyTorch's pooling. */
export function maxOfEach(x: tf.Tensor): tf.Tensor {
  const axes = [...x.shape.keys()].slice(2)
  return withGradient(
    [x],
    () => tf.max(x, axes, true),
    (dy, [x]) => {
      const rows = sizeOf(x.shape.slice(0, 2))
      const width = sizeOf(x.shape.slice(2))
      const position = tf.cast(tf.argMax(tf.reshape(x, [rows, width]), 1), 'int32')
      // As integers first: the wasm backend writes an integer's bits into one-hot floats.
      const first = tf.cast(tf.oneHot(position, width), 'float32')
      return [tf.reshape(tf.mul(first, tf.reshape(dy, [rows, 1])), x.shape)]
    },
  )
}
