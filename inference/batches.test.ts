import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutByTokens } from './batches.ts'

const rowsOf = (lengths: readonly (number | undefined)[]) =>
  lengths.map((length) => (length === undefined ? undefined : new Array<number>(length).fill(1)))

test('rows are sorted by length and cut where padding would go over the budget', () => {
  // lengths 2 2 3 | 5 | 9: three rows of three are 9 tokens, four of five would be 20
  expect(cutByTokens(rowsOf([5, 2, 9, undefined, 3, 2]), 9)).toEqual([[1, 5, 4], [0], [2]])
})

test('each row is in one run, no run of several rows goes over the budget, and no run could take the next row', () => {
  const lengths = fc.array(fc.option(fc.integer({ min: 1, max: 80 }), { nil: undefined }), { maxLength: 200 })
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 600 }), (lengths, budget) => {
      const runs = cutByTokens(rowsOf(lengths), budget)
      const present = [...lengths.keys()].filter((index) => lengths[index] !== undefined)
      expect(runs.flat().sort((a, b) => a - b)).toEqual(present)
      const longest = (run: readonly number[]) => Math.max(...run.map((index) => lengths[index] ?? 0))
      for (const [index, run] of runs.entries()) {
        if (run.length > 1) expect(run.length * longest(run)).toBeLessThanOrEqual(budget)
        const next = runs[index + 1]
        if (next !== undefined) expect((run.length + 1) * (lengths[next[0] ?? 0] ?? 0)).toBeGreaterThan(budget)
      }
    }),
  )
})
