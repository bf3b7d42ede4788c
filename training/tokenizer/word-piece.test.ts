import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { packageRoot } from '../../core/package-root.ts'
import { createTokenizer } from '../../text/tokenizer.ts'
import { specialTokens, trainWordPiece } from './word-piece.ts'

const fixtures = join(packageRoot, 'test/fixtures/word-piece')

const corpus = [
  'the train is late again and the app says nothing 😡',
  'the train was on time, what a lovely morning 😀 #commuting',
  'lovely weather, lovely people, lovely coffee ☕ ☕',
  "can't believe how late the bus is… never again!!!",
  '@user thanks for the quick answer 👍🏽 http',
  'naïve café owners queue for 3.50 £ coffee',
  '今天 很 好 😀',
  'late late late, the latest bus is the last bus',
]
const trained = trainWordPiece(corpus, { vocabularySize: 160, minFrequency: 1 })
const byId = Object.entries(trained.model.vocab).sort(([, a], [, b]) => a - b)
const vocabulary = byId.map(([piece]) => piece) // an object lists '0' and '3' first, whatever their ids

test('the fixture is what the trainer makes today', async () => {
  await expect(`${JSON.stringify(trained, null, 1)}\n`).toMatchFileSnapshot(join(fixtures, 'tokenizer.json'))
})

test('the Hugging Face library in Rust gives the ids that ours and the JavaScript one give', () => {
  const encoded = z
    .array(z.object({ text: z.string(), ids: z.array(z.number()), tokens: z.array(z.string()) }))
    .parse(JSON.parse(readFileSync(join(fixtures, 'encoded.json'), 'utf8')))
  const library = new Tokenizer(trained, {})
  const ours = createTokenizer(trained)
  expect(ours.path).toBe('cached')
  for (const { text, ids, tokens } of encoded) {
    expect(library.encode(text), text).toMatchObject({ ids, tokens })
    expect([...ours.encode(text, 512).ids], text).toEqual(ids)
  }
  expect(encoded.length).toBeGreaterThan(20)
})

test('special tokens have the first ids, characters and emoji follow, then joined pieces up to the size', () => {
  expect(vocabulary.slice(0, 5)).toEqual([...specialTokens])
  expect(vocabulary).toHaveLength(160)
  expect(vocabulary).toEqual(expect.arrayContaining(['😀', '☕', '#', 'late', 'lovely', '##e']))
  expect(byId.map(([, id]) => id)).toEqual(vocabulary.map((_, id) => id))
})

test('the order of the texts does not matter, and a rare character is unknown', () => {
  expect(trainWordPiece([...corpus].reverse(), { vocabularySize: 160, minFrequency: 1 })).toEqual(trained)
  const small = trainWordPiece(corpus, { vocabularySize: 60, alphabetSize: 20 })
  expect(new Tokenizer(small, {}).encode('☕', { add_special_tokens: false }).tokens).toEqual(['[UNK]'])
})

test('a corpus that has no more pairs gives a smaller vocabulary', () => {
  const tiny = trainWordPiece(['a b', 'a'], { vocabularySize: 100 })
  expect(Object.keys(tiny.model.vocab)).toEqual([...specialTokens, 'a', 'b'])
})
