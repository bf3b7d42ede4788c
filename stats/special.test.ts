import { expect, test } from 'vitest'
import { chiSquareQuantile, chiSquareUpper, gammaUpper, kolmogorovUpper, logGamma, twoSidedZ } from './special.ts'
import { expectRelative, tests } from './testing/fixtures.ts'

const { special } = tests

test.each(special.chiSquareUpper)('P(χ² > %d) with %d degrees of freedom as SciPy has it', (x, df, p) => {
  expectRelative(chiSquareUpper(x, df), p, df > 10_000 ? 1e-8 : 1e-11)
})

test.each(special.chiSquareQuantile)(
  'the χ² that is exceeded with probability %d, %d degrees of freedom',
  (p, df, x) => {
    expectRelative(chiSquareQuantile(p, df), x, 1e-10)
  },
)

test.each(special.kolmogorovUpper)('Kolmogorov at %d', (x, p) => {
  expectRelative(kolmogorovUpper(x), p, 1e-12)
})

test.each(special.logGamma)('ln Γ(%d)', (x, value) => {
  expect(Math.abs(logGamma(x) - value)).toBeLessThanOrEqual(1e-14 * Math.max(1, Math.abs(value)))
})

test('the ends: 0, none, far out and infinity', () => {
  expect([kolmogorovUpper(0), kolmogorovUpper(-1), kolmogorovUpper(40)]).toEqual([1, 1, 0])
  expect([chiSquareUpper(0, 3), chiSquareUpper(7, 0), chiSquareUpper(1e6, 5)]).toEqual([1, 1, 0])
  expect(gammaUpper(2.5, Number.POSITIVE_INFINITY)).toBe(0)
  expect(() => chiSquareQuantile(0, 3)).toThrow(RangeError)
  expect(() => chiSquareQuantile(Number.NaN, 3)).toThrow(RangeError)
  expect(twoSidedZ(0.95)).toBeCloseTo(1.959963984540054, 12)
})
