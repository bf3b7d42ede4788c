import { expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { createTokenizer } from '../../text/tokenizer.ts'
import { encodeModel } from '../onnx/write.ts'
import { onnxLogits } from '../onnx-logits.ts'
import { convolution } from '../presets/convolution.ts'
import { extendVocabulary } from './extend.ts'
import { trainWordPiece } from './word-piece.ts'

const corpus = [
  'the bus is late',
  'the tram is late',
  'a late tram',
  'the bus',
  'trams and busses',
  'so so',
  'tramstriker',
]
const json = trainWordPiece(corpus, { vocabularySize: 70 })
const size = Object.keys(json.model.vocab).length
const model = convolution({ vocabulary: size, classes: 3, width: 4, filters: 4, hidden: 4 }, seededRandom(1))
const news = ['strike strike tramstrike 🚋', 'Tramstrike again', 'tramstrike and strike', 'late late']
const form = { inputs: ['input_ids', 'attention_mask'], padId: 0, unknownId: 1 }

const extended = extendVocabulary(model, json, news, { most: 10, minFrequency: 3 })

test('frequent words that were split get an id of their own, after the others', () => {
  expect(extended.words).toEqual(['strike', 'tramstrike'])
  const { ids } = createTokenizer(extended.tokenizerJson).encode('TRAMSTRIKE strike late', 32)
  expect(ids.slice(1, 3)).toEqual([size + 1, size])
  expect(ids).toHaveLength(5)
})

test('a new row is the mean of its pieces, the old rows stay', () => {
  const before = model.graph.initializers.get('words.weight')
  const after = extended.model.graph.initializers.get('words.weight')
  if (before?.type !== 'float32' || after?.type !== 'float32') throw new Error('no table')
  expect(after.dims).toEqual([size + 2, 4])
  expect(after.data.subarray(0, before.data.length)).toEqual(before.data)
  const pieces = createTokenizer(json).encode('strike', 32).ids.slice(1, -1)
  expect(pieces.length).toBeGreaterThan(1)
  for (let column = 0; column < 4; column++) {
    const mean = pieces.reduce((sum, id) => sum + (before.data[id * 4 + column] ?? 0), 0) / pieces.length
    expect(after.data[size * 4 + column]).toBeCloseTo(mean, 6)
  }
})

test('texts without new words score as before', async () => {
  const examples = [{ ids: Int32Array.from(createTokenizer(json).encode('the bus is late', 32).ids) }]
  expect([...createTokenizer(extended.tokenizerJson).encode('the bus is late', 32).ids]).toEqual([
    ...(examples[0]?.ids ?? []),
  ])
  const before = await onnxLogits(encodeModel(model), examples, form, 3)
  expect(await onnxLogits(encodeModel(extended.model), examples, form, 3)).toEqual(before)
})

test('nothing to add, or no WordPiece: the same objects come back', () => {
  expect(extendVocabulary(model, json, corpus, { most: 10, minFrequency: 99 }).model).toBe(model)
  const other = { model: { type: 'BPE' } }
  expect(extendVocabulary(model, other, news, { most: 10, minFrequency: 1 })).toMatchObject({
    model,
    tokenizerJson: other,
  })
})
