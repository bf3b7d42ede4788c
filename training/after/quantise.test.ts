import { expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { encodeModel } from '../onnx/write.ts'
import { onnxLogits } from '../onnx-logits.ts'
import { convolution } from '../presets/convolution.ts'
import { transformer } from '../presets/transformer.ts'
import { quantise } from './quantise.ts'

const form = { inputs: ['input_ids', 'attention_mask'], padId: 0, unknownId: 1 }
const random = seededRandom(2)
const examples = Array.from({ length: 20 }, (_, row) => ({
  ids: Int32Array.from({ length: 4 + row }, () => 5 + Math.floor(random() * 1000)),
}))

const models = {
  convolution: convolution({ vocabulary: 2000, classes: 3, width: 64, filters: 64, hidden: 64 }, seededRandom(1)),
  transformer: transformer(
    { vocabulary: 2000, classes: 3, layers: 2, width: 64, heads: 2, feedForward: 128, positions: 32 },
    seededRandom(1),
  ),
}

test.each(Object.entries(models))(
  '%s: the int8 variant is a quarter of the size and nearly as exact',
  async (_, model) => {
    const int8 = quantise(model)
    const bytes = encodeModel(int8)
    expect(bytes.byteLength).toBeLessThan(0.32 * encodeModel(model).byteLength)
    const [exact, near] = await Promise.all([
      onnxLogits(encodeModel(model), examples, form, 3),
      onnxLogits(bytes, examples, form, 3),
    ])
    const spread = Math.max(...exact) - Math.min(...exact)
    const worst = Math.max(...exact.map((value, index) => Math.abs(value - (near[index] ?? 0))))
    expect(worst / spread).toBeLessThan(0.05)
    expect(worst).toBeGreaterThan(0)
  },
)

test('values that several products read are quantised once, and unused float weights are dropped', () => {
  const { graph } = quantise(models.transformer)
  const quantised = graph.nodes.filter(({ op }) => op === 'DynamicQuantizeLinear').map(({ inputs }) => inputs[0])
  expect(new Set(quantised).size).toBe(quantised.length)
  expect(quantised).toHaveLength(2 * 4) // query, key and value share theirs: attention, output, inner, outer
  expect(graph.initializers.has('words.weight')).toBe(false)
  expect(graph.initializers.has('words.weight.int8')).toBe(true)
})

test('a column of zeros stays zeros', () => {
  const weight = models.convolution.graph.initializers.get('hidden.weight')
  if (weight?.type !== 'float32') throw new Error('the preset has no hidden layer')
  const zeroed = { ...weight, data: weight.data.map((value, at) => (at % 64 === 3 ? 0 : value)) }
  const initializers = new Map(models.convolution.graph.initializers).set('hidden.weight', zeroed)
  const { graph } = quantise({ ...models.convolution, graph: { ...models.convolution.graph, initializers } })
  const int8 = graph.initializers.get('hidden.weight.int8')
  expect([...(int8?.data ?? [])].filter((_, at) => at % 64 === 3).every((value) => value === 0)).toBe(true)
})
