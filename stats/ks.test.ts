import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { ksTest } from './ks.ts'
import { expectRelative, tests } from './testing/fixtures.ts'
import { expectUniform } from './testing/null.ts'

test.each(tests.ks)('agrees with SciPy, exact and asymptotic', ({ first, second, statistic, exact, asymptotic }) => {
  const test = ksTest(first, second)
  expectRelative(test.statistic, statistic)
  expect(test.method).toBe('exact')
  expectRelative(test.p, exact, 1e-9)
  expectRelative(ksTest(first, second, 'asymptotic').p, asymptotic)
})

test.each(tests.tied)(
  'with ties, p is the share of all splits of the pooled sample',
  ({ first, second, statistic, exact }) => {
    expectRelative(ksTest(first, second).statistic, statistic)
    expectRelative(ksTest(first, second).p, exact)
  },
)

test('all values equal: no distance, p = 1; nothing in common: the smallest p there is', () => {
  expect(ksTest([2, 2, 2], [2, 2])).toMatchObject({ statistic: 0, p: 1 })
  expect(ksTest([1, 2, 3], [4, 5, 6, 7]).p).toBeCloseTo(2 / 35, 12) // 7 over 3 splits, the first and the last
})

test('an empty sample and NaN are refused', () => {
  expect(() => ksTest([], [1])).toThrow(RangeError)
  expect(() => ksTest([1], [Number.NaN])).toThrow(RangeError)
})

test('large samples take the asymptotic p, close to the exact one where they meet', () => {
  const random = seededRandom(1)
  const sample = (rows: number, shift: number) => Array.from({ length: rows }, () => random() + shift)
  expect(ksTest(sample(20_000, 0), sample(20_000, 0.02))).toMatchObject({ method: 'asymptotic' })
  const [first, second] = [sample(900, 0), sample(1000, 0.05)]
  expectRelative(ksTest(first, second, 'asymptotic').p, ksTest(first, second).p, 0.15)
})

test('symmetric, unmoved by order and by an increasing map', () => {
  const sample = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(sample, sample, (first, second) => {
      const { statistic, p } = ksTest(first, second)
      expectRelative(ksTest(second, first).p, p)
      expect(ksTest(first.toReversed(), second).statistic).toBe(statistic)
      expect(ksTest(first.map(Math.exp), second.map(Math.exp)).statistic).toBe(statistic)
      expect(p).toBeGreaterThan(0)
      expect(p).toBeLessThanOrEqual(1)
    }),
    { numRuns: 100 },
  )
})

test('without a change p is uniform', () => {
  const random = seededRandom(2)
  const draw = (rows: number) => Float64Array.from({ length: rows }, random)
  const p = Array.from({ length: 2000 }, () => ksTest(draw(97), draw(101)).p)
  expectUniform(p)
})
