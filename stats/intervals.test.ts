import { expect, test } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { benjaminiHochberg } from './benjamini-hochberg.ts'
import { bootstrapInterval, pairedBootstrap } from './bootstrap.ts'
import { mcnemarOfCounts } from './mcnemar.ts'
import { expectRelative, tests } from './testing/fixtures.ts'
import { expectAtMost } from './testing/null.ts'
import { wilson } from './wilson.ts'

test.each(tests.wilson)(
  'Wilson, %d of %d at %d, agrees with statsmodels',
  (successes = 0, n = 0, level = 0, low = 0, high = 0) => {
    const interval = wilson(successes, n, level)
    expect(interval.low).toBeCloseTo(low, 12)
    expect(interval.high).toBeCloseTo(high, 12)
  },
)

test('Wilson: nothing is known of no trials, and impossible counts are refused', () => {
  expect(wilson(0, 0)).toEqual({ low: 0, high: 1 })
  for (const [successes, n] of [
    [2, 1],
    [-1, 3],
    [Number.NaN, 3],
  ] as const) {
    expect(() => wilson(successes, n)).toThrow(RangeError)
  }
  expect(() => wilson(1, 2, 1)).toThrow(RangeError)
})

test.each(tests.paired)(
  'McNemar, %d against %d, agrees with statsmodels',
  (onlyFirst = 0, onlySecond = 0, exactP = 0, midP = 0) => {
    const result = mcnemarOfCounts(onlyFirst, onlySecond)
    expectRelative(result.exactP, exactP)
    expectRelative(result.midP, midP, 1e-9)
  },
)

test('McNemar with huge counts', () => {
  expect(mcnemarOfCounts(500_000, 500_000).exactP).toBe(1)
  expect(mcnemarOfCounts(400_000, 600_000).midP).toBe(0)
})

test('Benjamini–Hochberg agrees with statsmodels, in any order; none is fine, NaN and 1.1 are not', () => {
  const { p, adjusted } = tests.hochberg
  benjaminiHochberg(p).forEach((value, at) => {
    expectRelative(value, adjusted[at] ?? 0)
  })
  expect(benjaminiHochberg(p.toReversed())).toEqual(benjaminiHochberg(p).toReversed())
  expect(benjaminiHochberg([])).toEqual([])
  for (const bad of [Number.NaN, 1.1, -0.1]) expect(() => benjaminiHochberg([bad])).toThrow(RangeError)
})

const meanOf = (values: ArrayLike<number>) => (indices: Int32Array) =>
  indices.reduce((sum, row) => sum + (values[row] ?? 0), 0) / indices.length

test('the bootstrap interval of a mean covers it in about 95 % of samples', () => {
  const random = seededRandom(8)
  const runs = 300
  let missed = 0
  for (let run = 0; run < runs; run++) {
    const values = Float64Array.from({ length: 100 }, random)
    const { low, high } = bootstrapInterval(100, meanOf(values), random, { draws: 200 })
    if (low > 0.5 || high < 0.5) missed++
  }
  expectAtMost(missed, runs, 0.07) // the percentile interval of 100 rows and 200 draws covers a little less
  expect(missed).toBeGreaterThan(0)
})

test('the bootstrap: equal seeds give equal bounds, equal values no width; no rows and NaN are refused', () => {
  const once = () => bootstrapInterval(20, (rows) => Math.max(...rows), seededRandom(9), { draws: 50 })
  expect(once()).toEqual(once())
  expect(bootstrapInterval(5, () => 0.7, seededRandom(1), { draws: 20 })).toEqual({ low: 0.7, high: 0.7 })
  expect(() => bootstrapInterval(0, () => 0, seededRandom(1))).toThrow(RangeError)
  expect(() => bootstrapInterval(2, () => Number.NaN, seededRandom(1))).toThrow(RangeError)
})

test('the paired bootstrap sees a small difference that both samples share posts for', () => {
  const random = seededRandom(10)
  const hard = Float64Array.from({ length: 400 }, random)
  const better = hard.map((value) => value + 0.02 + 0.02 * (random() - 0.5))
  const gain = meanOf(better.map((value, row) => value - (hard[row] ?? 0)))
  const { difference, p, low, high } = pairedBootstrap(400, gain, random, { draws: 500 })
  expect(low).toBeLessThan(difference)
  expect(high).toBeGreaterThan(difference)
  expect(p).toBeCloseTo(2 / 501, 12)
  expect(pairedBootstrap(400, () => 0, random, { draws: 50 }).p).toBe(1)
})

test('without a difference the paired bootstrap alarms about as often as it says', () => {
  const random = seededRandom(11)
  const runs = 300
  let alarms = 0
  for (let run = 0; run < runs; run++) {
    const gains = Float64Array.from({ length: 80 }, () => random() - 0.5)
    if (pairedBootstrap(80, meanOf(gains), random, { draws: 199 }).p <= 0.05) alarms++
  }
  expectAtMost(alarms, runs, 0.07)
})
