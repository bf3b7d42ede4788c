import { expect, test } from 'vitest'
import { selectBackend } from '../../training/backends/select.ts'
import * as tf from '../../training/tf.ts'

test('where tfjs-node is installed it computes, with all the threads in one worker', async () => {
  expect(await selectBackend('auto')).toBe('tensorflow')
  expect(tf.getBackend()).toBe('tensorflow')
  const product = tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]]))
  expect([...product.dataSync()]).toEqual([11])
  // an operation that takes a list of tensors: tfjs-node asks for functions of `util` that Node 23 no longer has
  expect([...tf.stack([tf.scalar(1), tf.scalar(2)]).dataSync()]).toEqual([1, 2])
})
