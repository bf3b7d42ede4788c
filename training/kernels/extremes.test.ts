import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { packageRoot } from '../../core/package-root.ts'
import { selectBackend } from '../backends/select.ts'
import { compile } from '../program.ts'
import * as tf from '../tf.ts'
import { tensor } from './testing/case.ts'
import { fedModel, modelOf, never, node } from './testing/one-node.ts'

const numbers = z.array(z.number())
const cases = z
  .array(
    z.object({
      op: z.string(),
      attributes: z.record(z.string(), z.union([z.int(), z.array(z.int())])),
      dims: numbers,
      inputs: z.array(numbers),
      output: numbers,
      weights: numbers,
      gradients: z.array(numbers),
    }),
  )
  .parse(JSON.parse(readFileSync(join(packageRoot, 'test/fixtures/training-parity/extremes.json'), 'utf8')))

const close = (ours: ArrayLike<number>, theirs: readonly number[]): void => {
  expect(ours.length).toBe(theirs.length)
  for (const [index, value] of theirs.entries()) expect(ours[index], `element ${index}`).toBeCloseTo(value, 5)
}

describe.each(['cpu', 'wasm'] as const)('on %s', (backend) => {
  test.each(cases.map((it) => [it.op, JSON.stringify(it.attributes), it] as const))(
    'equals in %s %s get the gradient that PyTorch gives them',
    async (op, _, it) => {
      await selectBackend(backend)
      const attributes = Object.fromEntries(
        Object.entries(it.attributes).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.map(BigInt) : BigInt(value),
        ]),
      )
      const inputs = it.inputs.map((values) => tensor(it.dims, values))
      const program = compile(fedModel({ op, opset: 13, inputs, attributes, outputs: 1 }))
      const run = (...given: tf.Tensor[]): tf.Tensor =>
        program.run(Object.fromEntries(given.map((each, index) => [`in${index}`, each])), new Map())[0] ??
        never('the output')
      tf.tidy(() => {
        const given = it.inputs.map((values) => tf.tensor(values, it.dims))
        close(run(...given).dataSync(), it.output)
        const weighted = (...each: tf.Tensor[]) => tf.sum(tf.mul(tf.reshape(run(...each), [-1]), it.weights))
        for (const [index, gradient] of tf.grads(weighted)(given).entries()) {
          close(gradient.dataSync(), it.gradients[index] ?? [])
        }
      })
    },
  )

  test('a word that occurs twice moves the maximum over a post as often as it should', async () => {
    await selectBackend(backend)
    const model = modelOf(
      [node('Gather', ['table', 'ids'], ['rows']), node('ReduceMax', ['rows'], ['top'], { axes: [1n], keepdims: 0n })],
      [
        { name: 'table', type: 'float32', shape: [3, 2] },
        { name: 'ids', type: 'int64', shape: [1, 3] },
      ],
      ['top'],
      13,
    )
    const ids = { dims: [1, 3], data: Int32Array.of(2, 0, 2) }
    const top = (table: tf.Tensor) => tf.sum(compile(model).run({ table, ids }, new Map())[0] ?? never('top'))
    const table = [0.5, -1, 9, 9, 2, 1]
    const gradient = tf.tidy(() =>
      tf
        .grad(top)(tf.tensor(table, [3, 2]))
        .dataSync(),
    )
    const at = (values: readonly number[]): number =>
      tf.tidy(() => top(tf.tensor([...values], [3, 2])).dataSync()[0] ?? 0)
    const step = 2 ** -7
    const slopes = table.map(
      (_, moved) =>
        (at(table.map((value, index) => (index === moved ? value + step : value))) -
          at(table.map((value, index) => (index === moved ? value - step : value)))) /
        (2 * step),
    )
    expect(slopes).toEqual([0, 0, 0, 0, 1, 1])
    close(gradient, slopes)
  })
})
