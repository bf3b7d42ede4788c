import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { packageRoot } from '../../core/package-root.ts'
import { seededRandom } from '../../core/random.ts'
import { softmaxRows } from '../../stats/softmax.ts'
import type { Model } from '../onnx/model.ts'
import { readModel } from '../onnx/parse.ts'
import { encodeModel } from '../onnx/write.ts'
import { onnxLogits } from '../onnx-logits.ts'
import { presets } from '../presets/presets.ts'
import { halve } from './halve.ts'

const random = seededRandom(2)
const examples = Array.from({ length: 20 }, (_, row) => ({
  ids: Int32Array.from({ length: 4 + row }, () => 5 + Math.floor(random() * 150)),
}))

async function probabilities(model: Model): Promise<Float64Array> {
  const form = { inputs: model.graph.inputs.map(({ name }) => name), padId: 0, unknownId: 1 }
  return softmaxRows(await onnxLogits(encodeModel(model), examples, form, 3), 3)
}

const largestDifference = (a: Float64Array, b: Float64Array): number =>
  a.reduce((most, value, at) => Math.max(most, Math.abs(value - (b[at] ?? Number.NaN))), 0)

const fixtures = join(packageRoot, 'test/fixtures/hf-classifiers')
const exported = readdirSync(fixtures).filter((name) => name.endsWith('.onnx'))

describe.each(exported)('%s in float16', (name) => {
  test('gives the same probabilities to 1e-3, with all large products in float16', async () => {
    const model = await readModel(join(fixtures, name))
    const half = halve(model, 512) // these are tiny: products of 32 × 32
    expect(largestDifference(await probabilities(half), await probabilities(model))).toBeLessThan(1e-3)
    const products = half.graph.nodes.filter(({ op }) => op === 'MatMul' || op === 'Gemm')
    const inFull = products.filter(({ inputs }) => !inputs[0]?.endsWith('.float16'))
    expect(inFull.map(({ inputs }) => half.graph.initializers.get(inputs[1] ?? '')?.data.length)).toEqual([32 * 3])
    expect(half.graph.inputs).toBe(model.graph.inputs)
    expect(half.graph.outputs).toBe(model.graph.outputs)
  })

  test('keeps what is sensitive in float32', async () => {
    const { graph } = halve(await readModel(join(fixtures, name)), 512)
    const sensitive = /^(Softmax|LayerNormalization|Pow|Sqrt|Exp|Where|Reduce.*)$/
    const lowered = graph.nodes.filter(
      ({ op, inputs, outputs }) =>
        sensitive.test(op) && [...inputs, ...outputs].some((each) => each.endsWith('.float16')),
    )
    expect(lowered).toEqual([])
  })
})

test.each(Object.entries(presets))('%s: half the size, and the same probabilities to 1e-3', async (_, { build }) => {
  const model = build(16_000, 3, seededRandom(1))
  const half = halve(model)
  expect(encodeModel(half).byteLength).toBeLessThan(0.52 * encodeModel(model).byteLength)
  expect(largestDifference(await probabilities(half), await probabilities(model))).toBeLessThan(1e-3)
})

test('a constant beyond the range of float16 keeps its node in float32', async () => {
  const model = presets.convolution.build(1000, 3, seededRandom(1))
  const name = [...model.graph.initializers.keys()].find((each) => each.endsWith('weight') && !each.startsWith('words'))
  const weight = model.graph.initializers.get(name ?? '')
  if (weight?.type !== 'float32' || name === undefined) throw new Error('the preset has no second layer')
  const large = { ...weight, data: weight.data.map((value, at) => (at === 7 ? 1e5 : value)) }
  const changed = {
    ...model,
    graph: { ...model.graph, initializers: new Map(model.graph.initializers).set(name, large) },
  }
  const { initializers } = halve(changed).graph
  expect(initializers.get(name)).toBe(large)
  expect(initializers.has(`${name}.float16`)).toBe(false)
})
