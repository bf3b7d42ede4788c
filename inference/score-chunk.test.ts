import { expect, test } from 'vitest'
import type { Tokenizer } from '../text/tokenizer.ts'
import { type ChunkOptions, scoreChunk } from './score-chunk.ts'

/** One token for each character; `!` is unknown, and a text with `†` cannot be tokenised. */
const letters: Tokenizer = {
  padId: 0,
  vocabularySize: 1000,
  path: 'library',
  encode: (text, maxTokens) => {
    if (text.includes('†')) throw new Error('no such letter')
    const ids = Array.from(text.slice(0, maxTokens), (letter) => letter.charCodeAt(0))
    return { ids, unknown: ids.filter((id) => id === 33).length, truncated: text.length > maxTokens }
  },
}

/** A model that prefers class 0 for a text that begins with `a`; it fails on `x`, and on `n` gives what is no number. */
function scripted(overrides: Partial<ChunkOptions> = {}) {
  const runs: number[] = []
  const code = (letter: string) => letter.charCodeAt(0)
  const options: ChunkOptions = {
    normalise: (text) => text.toLowerCase(),
    tokenizer: letters,
    maxTokens: 8,
    classes: 2,
    batchTokens: 32,
    run: async (rows) => {
      runs.push(rows.length)
      if (rows.some((ids) => ids.includes(code('x')))) throw new Error('no row for x')
      const spoilt = rows.some((ids) => ids.includes(code('n')))
      return Float32Array.from(
        rows.flatMap(([first]) => (spoilt ? [Number.NaN, 0] : first === code('a') ? [5, 0] : [0, 5])),
      )
    },
    nowUs: () => 0,
    stopped: () => false,
    ...overrides,
  }
  return { options, runs }
}

test('scores stand in the order of the texts, though runs are sorted by length', async () => {
  const { options, runs } = scripted()
  const columns = await scoreChunk(['bbbbbbbb', 'A', 'b!', 'aaaaaaaaaaaa', 'AB!!'], options)
  expect(runs).toEqual([4, 1]) // lengths 1 2 4 8 | 8: four rows of eight are 32 tokens, five would be 40
  expect(Array.from(columns?.tokens ?? [])).toEqual([8, 1, 2, 8, 4])
  expect(Array.from(columns?.unknown ?? [])).toEqual([0, 0, 1, 0, 2])
  const first = Array.from({ length: 5 }, (_, index) => (columns?.probabilities[index * 2] ?? 0) > 0.5)
  expect(first).toEqual([false, true, false, true, true])
  expect(columns?.failures).toEqual([])
})

test('texts that make a run fail, or spoil its logits, are found by halves', async () => {
  const texts = Array.from({ length: 32 }, (_, index) => (index === 5 ? 'x' : index === 20 ? 'n' : 'a'))
  const { options, runs } = scripted()
  const columns = await scoreChunk(texts, options)
  expect(columns?.failures).toEqual([
    { index: 5, reason: 'no row for x' },
    { index: 20, reason: 'a logit is not a finite number' },
  ])
  for (const index of texts.keys()) {
    if (index !== 5 && index !== 20) expect(columns?.probabilities[index * 2]).toBeGreaterThan(0.99)
  }
  expect(runs.length).toBe(19) // 1 + 2 · (2 · 5 levels), less the two runs of the first level that both paths share
})

test('a text that the tokenizer cannot take fails alone, before any run', async () => {
  const { options, runs } = scripted()
  const columns = await scoreChunk(['a', '†'], options)
  expect(columns?.failures).toEqual([{ index: 1, reason: 'the tokenizer failed: no such letter' }])
  expect(runs).toEqual([1])
})

test('a model that gives too few logits is not taken at its word', async () => {
  const { options } = scripted({ run: async () => new Float32Array(1) })
  const columns = await scoreChunk(['a'], options)
  expect(columns?.failures).toEqual([{ index: 0, reason: 'the model gave 1 logits for 1 texts of 2 classes' }])
})

test('a stop between two runs drops the chunk', async () => {
  let looks = 0
  const { options, runs } = scripted({ batchTokens: 1, stopped: () => ++looks > 2 })
  expect(await scoreChunk(['a', 'a', 'a'], options)).toBeUndefined()
  expect(runs).toEqual([1, 1])
})

test('no texts need no run', async () => {
  const { options, runs } = scripted()
  expect((await scoreChunk([], options))?.tokens.length).toBe(0)
  expect(runs).toEqual([])
})
