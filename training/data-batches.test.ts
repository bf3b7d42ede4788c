import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { batchOf, dropWords, feedsOf, lengthBuckets } from './data-batches.ts'

const form = { inputs: ['input_ids', 'attention_mask'], padId: 0, unknownId: 1 }
const example = (ids: readonly number[], label = 0) => ({ ids: Int32Array.from(ids), label })

test('every example is in exactly one batch, whatever their number, and the seed decides the order', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 300 })
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 20 }), fc.integer(), (all, rows, seed) => {
      const examples = all.map((length) => example(Array(length).fill(5)))
      const batches = lengthBuckets(examples, rows, seededRandom(seed))
      expect(new Set(batches.flat())).toEqual(new Set(examples))
      expect(batches.flat()).toHaveLength(examples.length)
      expect(Math.max(0, ...batches.map((batch) => batch.length))).toBeLessThanOrEqual(rows)
      expect(lengthBuckets(examples, rows, seededRandom(seed))).toEqual(batches)
    }),
    { numRuns: 50 },
  )
})

test('feeds are padded to the longest and masked, and only what the graph asks for', () => {
  const feeds = feedsOf([example([2, 7, 3]), example([2, 3])], { ...form, padId: 9 })
  expect(feeds).toEqual({
    input_ids: { dims: [2, 3], data: Int32Array.of(2, 7, 3, 2, 3, 9) },
    attention_mask: { dims: [2, 3], data: Int32Array.of(1, 1, 1, 1, 1, 0) },
  })
})

test('a row without a label weighs nothing, a row without a teacher learns from none', () => {
  const rows = [{ ...example([2, 3], -1), teacher: Float32Array.of(1, 2) }, example([2, 3], 1)]
  const batch = batchOf(rows, feedsOf(rows, form), 2)
  expect(batch).toMatchObject({ labels: Int32Array.of(0, 1), weights: Float32Array.of(0, 1) })
  expect(batch).toMatchObject({ teacher: Float32Array.of(1, 2, 0, 0), teacherWeights: Float32Array.of(1, 0) })
})

test('word dropout hides the asked share, and never the ends', () => {
  const ids = [2, ...Array(1000).fill(7), 3]
  const hidden = dropWords(example(ids), 0.25, 1, seededRandom(3)).ids
  expect([hidden[0], hidden.at(-1)]).toEqual([2, 3])
  const share = hidden.filter((id) => id === 1).length / 1000
  expect(share).toBeGreaterThan(0.2)
  expect(share).toBeLessThan(0.3)
})
