import fc from 'fast-check'
import { expect, test } from 'vitest'
import { microBatch } from './micro-batch.ts'

test('a batch closes when its first item has waited long enough', () => {
  // ms  0      100             250
  //     a ───── b ───────────── ┤ wake → [a, b]
  const batch = microBatch<string>({ maxItems: 3, maxWaitMs: 250 })
  const first = batch.onItems(batch.initial(), ['a'], 0)
  const second = batch.onItems(first.state, ['b'], 100)
  expect(second).toMatchObject({ emit: [], wakeAtMs: 250 })
  expect(batch.onWake(second.state, 250)).toEqual({ state: batch.initial(), emit: [['a', 'b']] })
})

test('a full batch leaves at once and the next one waits from its own first item', () => {
  const batch = microBatch<number>({ maxItems: 2, maxWaitMs: 250 })
  const first = batch.onItems(batch.initial(), [1], 0)
  expect(batch.onItems(first.state, [2, 3], 100)).toMatchObject({ emit: [[1, 2]], wakeAtMs: 350 })
  expect(batch.onItems(first.state, [2], 100)).toEqual({ emit: [[1, 2]], state: batch.initial() })
})

test('a batch closes before its weight passes the limit, and an item heavier than that goes alone', () => {
  const batch = microBatch<number>({ maxItems: 10, maxWaitMs: 250, weight: { max: 5, of: (item) => item } })
  const step = batch.onItems(batch.initial(), [2, 2, 2, 9, 1, 4, 3], 0)
  expect(step.emit).toEqual([[2, 2], [2], [9], [1, 4]])
  expect(batch.onEnd(step.state, 0).emit).toEqual([[3]])
})

test('given no items, a restored batch names the time to wake it', () => {
  const batch = microBatch<number>({ maxItems: 10, maxWaitMs: 250 })
  const { state } = batch.onItems(batch.initial(), [1], 40)
  expect(batch.onItems(structuredClone(state), [], 1000)).toEqual({ state, emit: [], wakeAtMs: 290 })
})

test('batches concatenate to the input, keep every limit, and do not depend on how the items arrive', () => {
  const arrivals = fc.array(fc.array(fc.nat(9), { maxLength: 8 }), { maxLength: 8 })
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 12 }), (chunks, maxItems, max) => {
      const batch = microBatch<number>({ maxItems, maxWaitMs: 100, weight: { max, of: (item) => item } })
      const batchesOf = (input: readonly (readonly number[])[]) => {
        let state = batch.initial()
        const batches = input.flatMap((items) => {
          const step = batch.onItems(state, items, 0)
          state = step.state
          return step.emit
        })
        return [...batches, ...batch.onEnd(state, 0).emit]
      }
      const batches = batchesOf(chunks)
      expect(batches.flat()).toEqual(chunks.flat())
      for (const items of batches) {
        expect(items.length).toBeGreaterThan(0)
        expect(items.length).toBeLessThanOrEqual(maxItems)
        if (items.length > 1) expect(items.reduce((sum, item) => sum + item, 0)).toBeLessThanOrEqual(max)
      }
      expect(batchesOf([chunks.flat()])).toEqual(batches)
    }),
  )
})
