import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { brier } from './brier.ts'
import { cbpe, fitCbpe } from './cbpe.ts'
import { fitIsotonic, isotonicAt } from './isotonic.ts'
import { ece, reliabilityBins } from './reliability.ts'
import { expectRelative, tests } from './testing/fixtures.ts'

const { isotonic, calibration } = tests

test('isotonic regression agrees with scikit-learn at, between and outside the knots, with equal x', () => {
  const curve = fitIsotonic(isotonic.x, isotonic.y)
  isotonic.at.forEach((at, index) => {
    expect(isotonicAt(curve, at)).toBeCloseTo(isotonic.value[index] ?? 0, 10)
  })
})

test('isotonic regression: non-decreasing, keeps the mean, leaves what is in order as it is', () => {
  const point = fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: -9, max: 9 }))
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 40 }), (points) => {
      const x = points.map(([at]) => at)
      const curve = fitIsotonic(
        x,
        points.map(([, value]) => value),
      )
      expect(curve.y).toEqual(curve.y.toSorted((a, b) => a - b))
      const fitted = x.reduce((sum, at) => sum + isotonicAt(curve, at), 0)
      expect(fitted).toBeCloseTo(
        points.reduce((sum, [, value]) => sum + value, 0),
        6,
      )
    }),
    { numRuns: 100 },
  )
  expect(fitIsotonic([3, 1, 2], [9, 1, 4])).toEqual({ x: [1, 2, 3], y: [1, 4, 9] })
  expect(fitIsotonic([1, 2, 3], [3, 2, 1])).toEqual({ x: [1, 3], y: [2, 2] })
  expect(() => fitIsotonic([], [])).toThrow(RangeError)
  expect(() => fitIsotonic([1, Number.NaN], [1, 2])).toThrow(RangeError)
})

test('Brier score and CBPE agree with scikit-learn', () => {
  const { probabilities, truth, live } = calibration
  expectRelative(brier(probabilities, truth, 3), calibration.brier)
  expectRelative(cbpe(fitCbpe(probabilities, truth, 3), live)?.accuracy ?? 0, calibration.accuracy, 1e-9)
})

test('Brier score: 0 when certain and right, 2 when certain and wrong; nothing and NaN are refused', () => {
  expect(brier([1, 0, 0, 1], [0, 1], 2)).toBe(0)
  expect(brier([1, 0, 0, 1], [1, 0], 2)).toBe(2)
  for (const bad of [[], [Number.NaN, 1], [1, 0, 1]]) expect(() => brier(bad, [0], 2)).toThrow(RangeError)
})

test('reliability bins hold 0 and 1, and an empty bin is 0', () => {
  const bins = reliabilityBins([0, 1, 0.25, 0.3, 0.3], [false, true, true, false, false], 4)
  expect(bins.map(({ rows }) => rows)).toEqual([1, 3, 0, 1])
  expect(bins[1]).toMatchObject({ from: 0.25, to: 0.5, accuracy: 1 / 3 })
  expect(bins[2]).toMatchObject({ confidence: 0, accuracy: 0 })
  expect(ece(bins)).toBeCloseTo((3 * Math.abs(0.85 / 3 - 1 / 3)) / 5, 12)
  expect(ece(reliabilityBins([], []))).toBe(0)
  for (const bad of [Number.NaN, -0.1, 1.1]) expect(() => reliabilityBins([bad], [true])).toThrow(RangeError)
})

/** Two classes; the truth follows the score `p` by `meaning`. */
function posts(rows: number, seed: number, score: (draw: number) => number, meaning: (p: number) => number) {
  const random = seededRandom(seed)
  const first = Array.from({ length: rows }, () => score(random()))
  const truth = first.map((p) => (random() < meaning(p) ? 0 : 1))
  const right = first.filter((p, row) => (p >= 0.5 ? 0 : 1) === truth[row]).length
  return { probabilities: first.flatMap((p) => [p, 1 - p]), truth, accuracy: right / rows }
}
const overconfident = (p: number) => 0.5 + 0.6 * (p - 0.5)

test('CBPE follows the accuracy under covariate shift, though the model is overconfident', () => {
  const labelled = posts(20_000, 1, (draw) => draw, overconfident)
  const harder = posts(20_000, 2, (draw) => 0.3 + 0.4 * draw, overconfident)
  const estimate = cbpe(fitCbpe(labelled.probabilities, labelled.truth, 2), harder.probabilities)
  expect(Math.abs(harder.accuracy - labelled.accuracy)).toBeGreaterThan(0.05)
  expect(Math.abs((estimate?.accuracy ?? 0) - harder.accuracy)).toBeLessThan(0.02)
  const total = estimate?.confusion.flat().reduce((sum, count) => sum + count, 0)
  expect(total).toBeCloseTo(20_000, 6)
})

test('CBPE cannot see that the meaning of the words has flipped', () => {
  const labelled = posts(5000, 3, (draw) => draw, overconfident)
  const flipped = posts(
    5000,
    4,
    (draw) => draw,
    (p) => 1 - overconfident(p),
  )
  const estimate = cbpe(fitCbpe(labelled.probabilities, labelled.truth, 2), flipped.probabilities)
  expect((estimate?.low ?? 0) - flipped.accuracy).toBeGreaterThan(0.2)
})

test('CBPE: an empty window, one class only, all confidences equal, NaN', () => {
  const one = fitCbpe([0.9, 0.1, 0.8, 0.2], [0, 0], 2)
  expect(cbpe(one, [])).toBeUndefined()
  expect(cbpe(one, [0.7, 0.3])).toMatchObject({ accuracy: 1, macroRecall: 1, low: 1, high: 1 })
  expect(cbpe(fitCbpe([0.6, 0.4, 0.6, 0.4], [0, 1], 2), [0.6, 0.4])?.accuracy).toBe(0.5)
  for (const bad of [
    [Number.NaN, 1],
    [0.5, 0.25, 0.25],
  ])
    expect(() => cbpe(one, bad)).toThrow(RangeError)
  expect(() => fitCbpe([0.5, 0.5], [0, 1], 2)).toThrow(RangeError)
})
