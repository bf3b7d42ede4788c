import * as tf from '../tf.ts'
import { broadcast } from './dims.ts'
import { mapAll } from './host-ops.ts'
import { type Kernel, kernel } from './kernel.ts'
import { dimsOf, dtypeOf, isDevice, upload, type Value } from './value.ts'

const compare = (
  op: string,
  since: number,
  device: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  host: (a: number, b: number) => boolean,
): Kernel =>
  kernel({
    op,
    since,
    inputs: { a: 'tensor', b: 'tensor' },
    host: ({ a, b }) => mapAll('bool', [a, b], (x, y) => Number(host(x, y))),
    run: ({ a, b }) => device(a, b),
  })

const test = (op: string, since: number, device: (x: tf.Tensor) => tf.Tensor, host: (x: number) => boolean): Kernel =>
  kernel({
    op,
    since,
    inputs: { x: 'tensor' },
    host: ({ x }) => mapAll('bool', [x], (value) => Number(host(value))),
    run: ({ x }) => device(x),
  })

export const logic: readonly Kernel[] = [
  compare('Equal', 11, tf.equal, (a, b) => a === b),
  compare('Greater', 9, tf.greater, (a, b) => a > b),
  compare('GreaterOrEqual', 12, tf.greaterEqual, (a, b) => a >= b),
  compare('Less', 9, tf.less, (a, b) => a < b),
  compare('LessOrEqual', 12, tf.lessEqual, (a, b) => a <= b),
  compare('And', 7, tf.logicalAnd, (a, b) => a !== 0 && b !== 0),
  compare('Or', 7, tf.logicalOr, (a, b) => a !== 0 || b !== 0),
  compare('Xor', 7, tf.logicalXor, (a, b) => (a !== 0) !== (b !== 0)),
  test('Not', 1, tf.logicalNot, (x) => x === 0),
  test('IsNaN', 9, tf.isNaN, Number.isNaN),
]

/** `x` where the condition holds, else `y`; the three broadcast. */
export const where = kernel({
  op: 'Where',
  since: 9,
  inputs: { condition: 'tensor', x: 'any', y: 'any' },
  host: ({ condition, x, y }) => mapAll(x.type, [condition, x, y], (c, a, b) => (c !== 0 ? a : b)),
  run: ({ condition, x, y }) => {
    const dims = broadcast(condition.shape, dimsOf(x), dimsOf(y))
    return tf.where(tf.cast(condition, 'bool'), filled(x, dims), filled(y, dims))
  },
})

/** A number from the host fills the shape: tfjs would repeat it by a slow Tile. */
function filled(value: Value, dims: number[]): tf.Tensor {
  const [number] = isDevice(value) || value.data.length !== 1 ? [] : value.data
  return isDevice(value) || number === undefined ? upload(value) : tf.fill(dims, number, dtypeOf(value))
}
