import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { silentLog } from '../core/log.ts'
import { proveModel } from '../inference/proof/prove-model.ts'
import { argmax } from '../stats/softmax.ts'
import { Certificate } from '../training/after/certify.ts'
import { feedsOf } from '../training/data-batches.ts'
import { encodeText, textForm } from '../training/data-encode.ts'
import { onnxLogits } from '../training/onnx-logits.ts'
import { bundledModelPath, loadModelDirectory } from './model-directory.ts'

const model = await loadModelDirectory(bundledModelPath)

test('it is the sentiment model, whole, in at most 16 MB, with a card', () => {
  expect(model.manifest).toMatchObject({ name: 'sentiment', text: { normaliser: 'social-1' } })
  expect(model.labels).toEqual(['negative', 'neutral', 'positive'])
  const files = readdirSync(bundledModelPath)
  expect(files).toContain('README.md')
  const bytes = files.reduce((sum, name) => sum + statSync(join(bundledModelPath, name)).size, 0)
  expect(bytes).toBeLessThanOrEqual(16_000_000)
})

test('the graph takes ids and mask of any batch and length, and gives three logits', async () => {
  const session = await InferenceSession.create(model.onnx)
  expect(session.inputMetadata).toMatchObject([
    { name: 'input_ids', type: 'int64', shape: ['batch', 'tokens'] },
    { name: 'attention_mask', type: 'int64', shape: ['batch', 'tokens'] },
  ])
  expect(session.outputMetadata).toMatchObject([{ name: 'logits', type: 'float32', shape: ['batch', 3] }])
  await session.release()
})

test('its certificate says that it scores as it was trained', () => {
  const certificate = Certificate.parse(JSON.parse(readFileSync(join(bundledModelPath, 'certificate.json'), 'utf8')))
  expect(certificate.passed).toBe(true)
  expect(certificate.comparisons[0]?.rows).toBeGreaterThan(1000)
})

test('it answers as it did when its golden answers were made, and so does what scores', async () => {
  const report = await proveModel(model, {
    again: true,
    log: silentLog,
    signal: new AbortController().signal,
  })
  expect(report?.steps.find(({ name }) => name === 'golden')?.found).toMatch(/^at most/)
})

test('it tells plain cases apart, in fp32 and in int8', async () => {
  const cases = [
    ['positive', 'I love this new phone, best birthday ever!! 😍'],
    ['positive', 'what a wonderful evening with friends, thank you all :)'],
    ['positive', 'so happy and excited for tomorrow #blessed'],
    ['negative', 'worst customer service ever, still waiting and nobody cares'],
    ['negative', 'I hate this so much, my day is ruined 😡'],
    ['negative', 'so sad and tired of all this awful news'],
    ['neutral', 'The meeting moves to room 4 on Thursday at 10am'],
    ['neutral', 'Watch the second debate on channel 5 on Tuesday http'],
  ] as const
  const form = textForm(model.tokenizer, model.tokenizerConfig, model.manifest.text)
  const examples = cases.map(([, text]) => ({ ids: encodeText(form, text) }))
  const inputs = { inputs: ['input_ids', 'attention_mask'], padId: form.tokenizer.padId, unknownId: form.unknownId }
  expect(feedsOf(examples, inputs).input_ids?.dims[0]).toBe(cases.length)
  for (const file of ['model.onnx', 'model.int8.onnx']) {
    const logits = await onnxLogits(readFileSync(join(bundledModelPath, file)), examples, inputs, 3)
    const labels = cases.map((_, row) => model.labels[argmax(logits, row, 3)])
    expect(labels, file).toEqual(cases.map(([label]) => label))
  }
})
