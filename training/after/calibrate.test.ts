import { expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { feedsOf } from '../data-batches.ts'
import { encodeModel } from '../onnx/write.ts'
import { onnxLogits } from '../onnx-logits.ts'
import { convolution } from '../presets/convolution.ts'
import { withTemperature } from './calibrate.ts'

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
