import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { packageRoot } from '../core/package-root.ts'
import { seededRandom } from '../core/random.ts'
import { testBackend } from './backends/testing/backend.ts'
import type { Example } from './data-batches.ts'
import { fineTune } from './finetune.ts'
import { computeFrozen } from './frozen.ts'
import type { Model } from './onnx/model.ts'
import { parseModel } from './onnx/parse.ts'
import { encodeModel } from './onnx/write.ts'
import { onnxLogits } from './onnx-logits.ts'
import { createTrainer } from './parallel/create-trainer.ts'
import type { TrainerOptions } from './parallel/trainer.ts'
import { transformer } from './presets/transformer.ts'
import { recipes } from './recipe.ts'
import { type Layers, trainableNames } from './trainable.ts'

const preset = transformer(
  { vocabulary: 60, classes: 2, layers: 3, width: 16, heads: 2, feedForward: 32, positions: 32 },
  seededRandom(1),
)
const exported = (name: string): Model =>
  parseModel(readFileSync(join(packageRoot, 'test/fixtures/hf-classifiers', `${name}.torchscript.onnx`)))

const random = seededRandom(2)
const examples: Example[] = Array.from({ length: 60 }, (_, row) => ({
  ids: Int32Array.from([2, ...Array.from({ length: 1 + (row % 9) }, () => 5 + Math.floor(random() * 50)), 3]),
  label: row % 2,
}))
const formOf = (model: Model) => ({ inputs: model.graph.inputs.map(({ name }) => name), padId: 1, unknownId: 1 })

/** Three epochs; `seen` gets what the trainer was made with. */
async function tune(model: Model, layers: Layers, seen: (options: TrainerOptions) => TrainerOptions) {
  const { model: tuned } = await fineTune({
    model,
    labels: ['a', 'b'],
    train: examples.slice(0, 50),
    validation: examples.slice(50),
    form: formOf(model),
    recipe: { ...recipes.encoder, layers, epochs: 3, batchSize: 10, learningRate: 1e-3 },
    backend: testBackend,
    workers: 0,
    createTrainer: (options) => createTrainer(seen(options)),
    random: seededRandom(3),
    clock: systemClock,
    signal: new AbortController().signal,
  })
  return tuned
}

test.each([
  ['a preset, head', preset, 'head'],
  ['a preset, one layer', preset, 1],
  ['BERT, one layer', exported('bert'), 1],
  ['DistilBERT, head', exported('distilbert'), 'head'],
] as const)('%s: computed once by onnxruntime, the same numbers come out', async (_, model, layers) => {
  let cut: readonly string[] = []
  const once = await tune(model, layers, (options) => {
    cut = options.inputs ?? []
    return options
  })
  expect(cut.length).toBeGreaterThan(formOf(model).inputs.length)
  // The same training with the lower layers computed by TensorFlow.js in every step: the feeds cut nothing off.
  const always = await tune(model, layers, ({ inputs: _inputs, ...options }) => options)
  // Logits, not weights: the bias of a key has no gradient but rounding, which AdamW makes as large as any.
  const [a, b] = await Promise.all(
    [once, always].map((tuned) => onnxLogits(encodeModel(tuned), examples, formOf(model), 2)),
  )
  const untrained = await onnxLogits(encodeModel(model), examples, formOf(model), 2)
  const apart = (left: Float32Array = untrained, right: Float32Array = untrained) =>
    Math.max(...left.map((value, at) => Math.abs(value - (right[at] ?? Number.NaN))))
  expect(apart(a, b)).toBeLessThan(1e-3)
  expect(apart(a)).toBeGreaterThan(1e-2)
})

test('when everything is trained nothing is frozen', async () => {
  expect(await computeFrozen(preset, trainableNames(preset, 'all'), examples, formOf(preset))).toBeUndefined()
})

test('aborted, it ends with the reason', async () => {
  const trainable = trainableNames(preset, 'head')
  const stopped = computeFrozen(preset, trainable, examples, formOf(preset), AbortSignal.abort(new Error('enough')))
  await expect(stopped).rejects.toThrow('enough')
})
