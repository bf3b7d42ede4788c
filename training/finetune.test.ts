import { expect, test } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { type Random, seededRandom } from '../core/random.ts'
import { testBackend } from './backends/testing/backend.ts'
import type { Example } from './data-batches.ts'
import { type FineTuneOptions, fineTune } from './finetune.ts'
import { createTrainer } from './parallel/create-trainer.ts'
import { convolution } from './presets/convolution.ts'
import { recipes } from './recipe.ts'

/** Ids 10 to 19 are glad, 20 to 29 sad, 30 and above say nothing; ids 2 and 3 mark the ends. */
function posts(count: number, random: Random): Example[] {
  return Array.from({ length: count }, () => {
    const label = random() < 0.5 ? 0 : 1
    const filler = () => 30 + Math.floor(random() * 20)
    const telling = 10 + 10 * label + Math.floor(random() * 10)
    const words = [...Array.from({ length: 2 + Math.floor(random() * 5) }, filler), telling, filler()]
    return { ids: Int32Array.from([2, ...words, 3]), label }
  })
}

const train = posts(300, seededRandom(1))
const validation = posts(100, seededRandom(2))

const options = (over: Partial<FineTuneOptions> = {}): FineTuneOptions => ({
  model: convolution({ vocabulary: 50, classes: 2, width: 8, filters: 8, hidden: 8 }, seededRandom(3)),
  labels: ['glad', 'sad'],
  train,
  validation,
  form: { inputs: ['input_ids', 'attention_mask'], padId: 0, unknownId: 1 },
  recipe: { ...recipes.scratch, epochs: 6, batchSize: 16, learningRate: 1e-2, wordDropout: 0.1, patience: 6 },
  backend: testBackend,
  workers: 0,
  createTrainer,
  random: seededRandom(4),
  clock: systemClock,
  signal: new AbortController().signal,
  ...over,
})

const weights = (tuned: Awaited<ReturnType<typeof fineTune>>) =>
  new Map([...tuned.model.graph.initializers].map(([name, { data }]) => [name, [...data]]))

test('learns what tells the classes apart, and keeps the best epoch', async () => {
  const tuned = await fineTune(options())
  expect(tuned.ended).toBe('finished')
  const losses = tuned.history.map(({ loss }) => loss)
  expect(losses[tuned.bestEpoch - 1]).toBe(Math.min(...losses))
  expect(tuned.history[tuned.bestEpoch - 1]?.accuracy).toBeGreaterThan(0.95)
})

test('the same seed gives the same bytes, another seed does not', async () => {
  const short = { recipe: { ...options().recipe, epochs: 1 } }
  const first = weights(await fineTune(options(short)))
  expect(weights(await fineTune(options(short)))).toEqual(first)
  expect(weights(await fineTune(options({ ...short, random: seededRandom(5) })))).not.toEqual(first)
})

test('head only: nothing below the hidden layer moves', async () => {
  const before = options()
  const { model } = await fineTune({ ...before, recipe: { ...before.recipe, layers: 'head', epochs: 1 } })
  const moved = [...model.graph.initializers].flatMap(([name, { data }]) =>
    data.some((value, at) => value !== before.model.graph.initializers.get(name)?.data[at]) ? [name] : [],
  )
  expect(moved.sort()).toEqual(['classifier.bias', 'classifier.weight', 'hidden.bias', 'hidden.weight'])
})

test('stops when the validation loss has not fallen for as many epochs as it may', async () => {
  const wrong = validation.map((example) => ({ ...example, label: 1 - example.label }))
  const tuned = await fineTune(options({ validation: wrong, recipe: { ...options().recipe, patience: 2 } }))
  expect(tuned.ended).toBe('early')
  expect(tuned.history).toHaveLength(tuned.bestEpoch + 2)
})

test('an interruption keeps the best weights so far', async () => {
  const stop = new AbortController()
  const whole = await fineTune(options({ recipe: { ...options().recipe, epochs: 1 } }))
  const cut = await fineTune(
    options({
      // of the same length as `whole`, so that the first epoch has the same rates
      recipe: { ...options().recipe, epochs: 1 },
      signal: stop.signal,
      onProgress: ({ step }) => {
        if (step === 3) stop.abort()
      },
    }),
  )
  expect(cut).toMatchObject({ ended: 'interrupted', steps: 3 })
  expect(weights(cut)).not.toEqual(weights(whole))
  expect(weights(cut)).not.toEqual(
    new Map([...options().model.graph.initializers].map(([n, { data }]) => [n, [...data]])),
  )
})

test('learns from a teacher where there are no labels', async () => {
  const told = train.map(({ ids, label }, row) =>
    row < 20
      ? { ids, label }
      : { ids, label: -1, teacher: label === 0 ? Float32Array.of(4, 0) : Float32Array.of(0, 4) },
  )
  const recipe = { ...options().recipe, distillation: 1 }
  const tuned = await fineTune(options({ train: told, recipe }))
  expect(tuned.history.at(-1)?.accuracy).toBeGreaterThan(0.95)
})

test('one class only is refused before anything starts', async () => {
  const glad = train.filter(({ label }) => label === 0)
  await expect(fineTune(options({ train: glad }))).rejects.toMatchObject({
    code: 'LABELS_INVALID',
    details: { found: ['glad'] },
  })
})

test('a loss that is not a number stops the training', async () => {
  const { model } = options()
  const table = model.graph.initializers.get('words.weight')
  if (table?.type !== 'float32') throw new Error('the preset has no table')
  const broken = { ...table, data: table.data.map(() => Number.NaN) }
  const initializers = new Map(model.graph.initializers).set('words.weight', broken)
  const refused = fineTune(options({ model: { ...model, graph: { ...model.graph, initializers } } }))
  await expect(refused).rejects.toMatchObject({ code: 'TRAINING_DIVERGED' })
})
