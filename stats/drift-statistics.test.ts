import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { packageRoot } from '../core/package-root.ts'
import { seededRandom } from '../core/random.ts'
import { auc } from './auc.ts'
import { dispersionAt, dispersionOfCounts, dispersionOfRatio, tailOf } from './dispersion.ts'
import { holm } from './holm.ts'
import { hypergeometricUpper } from './hypergeometric.ts'
import { fitLogistic, logOdds } from './logistic.ts'
import { upperQuantile } from './quantile.ts'
import { betaRegularized, chiSquareUpper, fUpper, studentUpper } from './special.ts'
import { expectRelative } from './testing/fixtures.ts'
import { expectedRight, fitTopLabel } from './top-label.ts'

const numbers = z.array(z.number())
const fixtures = z
  .object({
    fUpper: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])),
    studentUpper: z.array(z.tuple([z.number(), z.number(), z.number()])),
    betaRegularized: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])),
    hypergeometricUpper: z.array(z.tuple([z.number(), z.number(), z.number(), z.number(), z.number()])),
    holm: z.object({ p: numbers, adjusted: numbers }),
    auc: z.array(z.tuple([numbers, numbers, z.number()])),
    logistic: z.object({
      rows: z.array(numbers),
      positive: z.array(z.boolean()),
      penalty: z.number(),
      bias: z.number(),
      weights: numbers,
    }),
  })
  .parse(JSON.parse(readFileSync(join(packageRoot, 'test/fixtures/stats/drift.json'), 'utf8')))

test.each(fixtures.fUpper)('P(F > %d) with %d and %d degrees of freedom as SciPy has it', (x, d1, d2, p) => {
  expectRelative(fUpper(x, d1, d2), p, 1e-10)
})

test.each(fixtures.studentUpper)('P(T > %d) with %d degrees of freedom', (t, df, p) => {
  expectRelative(studentUpper(t, df), p, 1e-8)
})

test.each(fixtures.betaRegularized)('I of %d (%d, %d)', (x, a, b, value) => {
  expectRelative(betaRegularized(x, a, b), value, 1e-10)
})

test.each(fixtures.hypergeometricUpper)('P(X ≥ %d) of %d marked, %d drawn from %d', (k, marked, drawn, total, p) => {
  expect(Math.abs(hypergeometricUpper(k, marked, drawn, total) - p)).toBeLessThanOrEqual(1e-9 * p)
})

test("Holm's adjusted p agree with statsmodels, and refuse what is none", () => {
  holm(fixtures.holm.p).forEach((value, at) => {
    expectRelative(value, fixtures.holm.adjusted[at] ?? Number.NaN)
  })
  expect(holm([])).toEqual([])
  expect(() => holm([0.1, Number.NaN])).toThrow(RangeError)
  expect(() => holm([1.2])).toThrow(RangeError)
})

test.each(fixtures.auc)("the area is Mann and Whitney's U / nm, ties counted half", (first, second, value) => {
  const scores = [...first, ...second]
  const result = auc(
    scores,
    scores.map((_, at) => at < first.length),
  )
  expectRelative(result.auc, value)
  expect(result.nullDeviation).toBeGreaterThan(0)
})

test('scores that are all equal have an area of ½ and no spread, and one kind alone has none', () => {
  expect(auc([1, 1, 1, 1], [true, false, true, false])).toEqual({ auc: 0.5, nullDeviation: 0 })
  expect(() => auc([1, 2], [true, true])).toThrow(RangeError)
})

test('the classifier finds the minimum that SciPy finds', () => {
  const { rows, positive, penalty, bias, weights } = fixtures.logistic
  const sparse = rows.map((row) => Int32Array.from(row))
  const model = fitLogistic(sparse, positive, weights.length, { penalty, steps: 2000 })
  expect(model.bias).toBeCloseTo(bias, 4)
  weights.forEach((weight, at) => {
    expect(model.weights[at]).toBeCloseTo(weight, 4)
  })
  expect(logOdds(model, Int32Array.from([0, 3]))).toBeCloseTo(bias + (weights[0] ?? 0) + (weights[3] ?? 0), 4)
  expect(() =>
    fitLogistic(
      sparse,
      positive.map(() => true),
      6,
    ),
  ).toThrow(RangeError)
})

test('the threshold of a tail is where it comes down to alpha', () => {
  const x = upperQuantile((value) => fUpper(value, 3, 20), 0.01)
  expect(fUpper(x, 3, 20)).toBeCloseTo(0.01, 10)
  expect(upperQuantile(() => 0.5, 0.1)).toBe(Number.POSITIVE_INFINITY)
  expect(() => upperQuantile(() => 0, 0)).toThrow(RangeError)
})

/** Counts of three classes in blocks; each block's shares stray by `spread`. */
function blocksOf(spread: number, random: () => number, blocks = 40, posts = 200): number[][] {
  return Array.from({ length: blocks }, () => {
    const first = 0.4 + (random() - 0.5) * spread
    const counts = [0, 0, 0]
    for (let post = 0; post < posts; post++) {
      const draw = random()
      const bin = draw < first ? 0 : draw < first + 0.3 ? 1 : 2
      counts[bin] = (counts[bin] ?? 0) + 1
    }
    return counts
  })
}

describe('dispersion', () => {
  test('is near 1 for independent posts, and grows with what blocks have in common', () => {
    const random = seededRandom(5)
    expect(dispersionOfCounts(blocksOf(0, random)).factor).toBeLessThan(1.5)
    const { factor, df, blockPosts } = dispersionOfCounts(blocksOf(0.4, random))
    expect(factor).toBeGreaterThan(3)
    expect({ df, blockPosts }).toEqual({ df: 78, blockPosts: 200 })
  })

  test('a ratio of sums has the same: 1 for posts that are independent, more for nights unlike days', () => {
    const random = seededRandom(6)
    const block = (rate: number) => {
      const values = Array.from({ length: 100 }, () => (random() < rate ? 1 : 0) as number)
      const sum = values.reduce((total, value) => total + value, 0)
      return { posts: 100, numerator: sum, denominator: 100, squares: [sum, sum, 100] as const }
    }
    const even = Array.from({ length: 50 }, () => block(0.2))
    const odd = Array.from({ length: 50 }, (_, at) => block(at % 2 === 0 ? 0.05 : 0.35))
    expect(dispersionOfRatio(even).factor).toBeLessThan(1.6)
    expect(dispersionOfRatio(odd).factor).toBeGreaterThan(5)
    expect(dispersionOfRatio([]).factor).toBe(1)
  })

  test('one block far off makes the tail heavy; blocks like those of a normal distribution leave it', () => {
    const usual = Array.from({ length: 30 }, (_, at) => ((at % 7) - 3) ** 2 / 4)
    expect(tailOf(usual, 1)).toBe(Number.POSITIVE_INFINITY)
    const flooded = tailOf([...usual, 200], 1)
    expect(flooded).toBeGreaterThan(4)
    expect(flooded).toBeLessThan(5)
  })

  test('of a longer window grows with what is surely more than chance, of a shorter one stays', () => {
    const known = { factor: 5, df: 60, tailDf: 60, blockPosts: 100 }
    expect(dispersionAt(known, 50)).toBe(5)
    expect(dispersionAt(known, 1000)).toBeGreaterThan(20)
    expect(dispersionAt({ ...known, factor: 1.1 }, 1000)).toBe(1.1)
  })

  test('F with the estimated dispersion keeps its promise where χ² with the true one would not', () => {
    const random = seededRandom(8)
    let [withF, withoutF] = [0, 0]
    const runs = 400
    for (let run = 0; run < runs; run++) {
      const [live = [], ...blocks] = blocksOf(0.3, random, 21, 100)
      const sums = [0, 1, 2].map((at) => blocks.reduce((sum, block) => sum + (block[at] ?? 0), 0))
      const { factor, tailDf } = dispersionOfCounts(blocks)
      const statistic = sums.reduce((total, sum, at) => {
        const share = sum / 2000
        return total + ((live[at] ?? 0) / 100 - share) ** 2 / (share * (1 / 2000 + 1 / 100))
      }, 0)
      if (fUpper(statistic / factor / 2, 2, tailDf) <= 0.05) withF++
      if (chiSquareUpper(statistic, 2) <= 0.05) withoutF++
    }
    expect(withF / runs).toBeLessThan(0.09)
    expect(withoutF / runs).toBeGreaterThan(0.2)
  })
})

test('the calibrated top label is right as often as it says, for each predicted class', () => {
  const random = seededRandom(9)
  const draw = (rows: number) => {
    const [probabilities, truth]: [number[], number[]] = [[], []]
    for (let row = 0; row < rows; row++) {
      const label = random() < 0.7 ? 0 : 1
      const sure = 0.5 + random() / 2
      probabilities.push(...(label === 0 ? [sure, 1 - sure, 0] : [0, sure, 1 - sure]))
      truth.push(random() < (label === 0 ? sure - 0.2 : sure ** 2) ? label : 2)
    }
    return { probabilities, truth }
  }
  const fitted = draw(4000)
  const calibrator = fitTopLabel(fitted.probabilities, fitted.truth, 3)
  const live = draw(4000)
  const expected = expectedRight(calibrator, live.probabilities)
  for (const label of [0, 1]) {
    const rows = live.truth.flatMap((_, row) => ((live.probabilities[row * 3] ?? 0) > 0 === (label === 0) ? [row] : []))
    const right = rows.filter((row) => live.truth[row] === label).length / rows.length
    const promised = rows.reduce((sum, row) => sum + (expected[row] ?? 0), 0) / rows.length
    expect(Math.abs(promised - right)).toBeLessThan(0.05)
  }
  expect(calibrator.curves[2]).toBeUndefined()
  expect(() => fitTopLabel([0.5, 0.5], [0, 1], 2)).toThrow(RangeError)
})
