import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mcnemar } from './mcnemar.ts'

const answers = (onlyFirst: number, onlySecond: number, both = 3) => ({
  first: [...Array(onlyFirst).fill(true), ...Array(onlySecond).fill(false), ...Array(both).fill(true)],
  second: [...Array(onlyFirst).fill(false), ...Array(onlySecond).fill(true), ...Array(both).fill(true)],
})

test('one against five: (2 · 7 − 6) / 64', () => {
  const { first, second } = answers(1, 5)
  const { onlyFirst, onlySecond, midP } = mcnemar(first, second)
  expect({ onlyFirst, onlySecond }).toEqual({ onlyFirst: 1, onlySecond: 5 })
  expect(midP).toBeCloseTo(0.125, 12)
})

test('classifiers that never differ give p = 1, and so does an even split of two', () => {
  expect(mcnemar([true, false], [true, false]).midP).toBe(1)
  expect(mcnemar([true, false], [false, true]).midP).toBe(1)
})

test('p is the same from both sides, between 0 and 1, and smaller for a more uneven split of as many', () => {
  const count = fc.integer({ min: 0, max: 3000 })
  fc.assert(
    fc.property(count, count, (a, b) => {
      const { first, second } = answers(a, b)
      const { midP } = mcnemar(first, second)
      expect(mcnemar(second, first).midP).toBe(midP)
      expect(midP).toBeGreaterThanOrEqual(0)
      expect(midP).toBeLessThanOrEqual(1)
      if (a > 0 && a <= b) {
        const wider = answers(a - 1, b + 1)
        expect(mcnemar(wider.first, wider.second).midP).toBeLessThanOrEqual(midP)
      }
    }),
    { numRuns: 50 },
  )
})
