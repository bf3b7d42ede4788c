import { expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { feedsOf } from '../data-batches.ts'
import { softmaxRows } from '../evaluate.ts'
import { encodeModel } from '../onnx/write.ts'
import { onnxLogits } from '../onnx-logits.ts'
import { convolution } from '../presets/convolution.ts'
import { fitTemperature, withTemperature } from './calibrate.ts'

/** Labels drawn from softmax(logits), so that T = 1 is right; then the logits are made `factor` times too sure. */
function overconfident(factor: number, rows: number) {
  const random = seededRandom(5)
  const logits = Float32Array.from({ length: rows * 3 }, () => 4 * random() - 2)
  const probabilities = softmaxRows(logits, 3)
  const truth = Array.from({ length: rows }, (_, row) => {
    const draw = random()
    const [first = 0, second = 0] = probabilities.subarray(row * 3, row * 3 + 3)
    return draw < first ? 0 : draw < first + second ? 1 : 2
  })
  return { logits: logits.map((logit) => logit * factor), truth }
}

test.each([0.5, 1, 3])('finds the factor %d by which logits are too large', (factor) => {
  const { logits, truth } = overconfident(factor, 20_000)
  expect(fitTemperature(logits, truth, 3) / factor).toBeCloseTo(1, 1)
})

test('stays within its bounds when every post is right, and is 1 when there is none', () => {
  expect(fitTemperature(Float32Array.of(1, 0, 0, 0, 1, 0), [0, 1], 3)).toBeGreaterThanOrEqual(0.05)
  expect(fitTemperature(new Float32Array(0), [], 3)).toBe(1)
})

const form = { inputs: ['input_ids', 'attention_mask'], padId: 0, unknownId: 1 }
const model = convolution({ vocabulary: 20, classes: 3, width: 4, filters: 4, hidden: 4 }, seededRandom(1))
const examples = [{ ids: Int32Array.of(2, 7, 9, 3) }, { ids: Int32Array.of(2, 11, 3) }]

test('folded into the graph, it divides the logits; folded again, it multiplies the constant', async () => {
  expect(Object.keys(feedsOf(examples, form))).toEqual(form.inputs)
  const plain = await onnxLogits(encodeModel(model), examples, form, 3)
  const once = withTemperature(model, 2)
  const twice = withTemperature(once, 4)
  expect(twice.graph.nodes).toEqual(once.graph.nodes)
  for (const [calibrated, divisor] of [
    [once, 2],
    [twice, 8],
  ] as const) {
    const logits = await onnxLogits(encodeModel(calibrated), examples, form, 3)
    logits.forEach((logit, index) => {
      expect(logit).toBeCloseTo((plain[index] ?? 0) / divisor, 5)
    })
  }
})
