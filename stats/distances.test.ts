import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { hellinger } from './hellinger.ts'
import { jensenShannon } from './jensen-shannon.ts'
import { psi, psiTest, psiThreshold } from './psi.ts'
import { simulatedNull } from './simulated-null.ts'
import { expectRelative, tests } from './testing/fixtures.ts'
import { expectAtMost, expectUniform } from './testing/null.ts'
import { wasserstein, wassersteinOfCounts } from './wasserstein.ts'

const positions = (counts: readonly number[]) => counts.map((_, at) => at)
const byPosition = (first: readonly number[], second: readonly number[]) =>
  wassersteinOfCounts(positions(first), first, second)

test.each(tests.distances)('agree with SciPy: $first against $second', (one) => {
  expectRelative(jensenShannon(one.first, one.second), one.jensenShannon)
  expectRelative(hellinger(one.first, one.second), one.hellinger)
  expectRelative(byPosition(one.first, one.second), one.wasserstein)
  if (one.psi !== null) expectRelative(psi(one.first, one.second, 0), one.psi)
})

test.each(tests.samples)('the Wasserstein distance of samples agrees with SciPy', ({ first, second, ...one }) => {
  expectRelative(wasserstein(first, second), one.wasserstein)
})

const counts = fc
  .array(fc.integer({ min: 0, max: 1000 }), { minLength: 4, maxLength: 4 })
  .filter((bins) => bins.some((count) => count > 0))

describe.each([
  ['psi', psi, Number.POSITIVE_INFINITY, false],
  ['√ jensenShannon', (a: number[], b: number[]) => Math.sqrt(jensenShannon(a, b)), Math.sqrt(Math.LN2), true],
  ['hellinger', hellinger, 1, true],
  ['wassersteinOfCounts', byPosition, 3, true],
] as const)('%s', (_name, distance, largest, isMetric) => {
  test('0 for equal shares, symmetric, within its range, and the triangle inequality where it is a metric', () => {
    fc.assert(
      fc.property(counts, counts, counts, (a, b, c) => {
        expect(
          distance(
            a,
            a.map((count) => count * 3),
          ),
        ).toBeLessThan(1e-7)
        expect(distance(a, b)).toBeCloseTo(distance(b, a), 12)
        expect(distance(a, b)).toBeGreaterThanOrEqual(0)
        expect(distance(a, b)).toBeLessThanOrEqual(largest + 1e-12)
        if (isMetric) expect(distance(a, c)).toBeLessThanOrEqual(distance(a, b) + distance(b, c) + 1e-7)
      }),
      { numRuns: 100 },
    )
  })

  test('refuses no counts, negative ones, NaN and another number of bins; takes huge ones', () => {
    for (const bad of [[0, 0], [], [1, -1], [1, Number.NaN], [1, 2, 3]]) {
      expect(() => distance([1, 2], bad)).toThrow(RangeError)
    }
    expect(distance([1e15, 2e15], [2e15, 1e15])).toBeGreaterThan(0)
  })
})

test('a bin that is empty on one side stays finite; one that is empty on both adds nothing', () => {
  expect(psi([50, 50, 0], [40, 50, 10])).toBeCloseTo(0.1 * Math.log(0.5001 / 0.4001) + 0.1 * Math.log(1001), 12)
  expect(psi([50, 50, 0], [40, 60, 0])).toBeCloseTo(psi([50, 50], [40, 60]), 12)
  expect(psiTest([50, 50, 0], [40, 60, 0]).bins).toBe(2)
})

test('counts at their positions are a sample with ties', () => {
  expect(wasserstein([0, 0, 1, 2], [2, 2, 2])).toBeCloseTo(wassersteinOfCounts([0, 1, 2], [2, 1, 1], [0, 0, 3]), 12)
  expect(() => wassersteinOfCounts([0, 2, 1], [1, 1, 1], [1, 1, 1])).toThrow(RangeError)
  expect(() => wasserstein([], [1])).toThrow(RangeError)
  expect(() => wasserstein([1], [Number.NaN])).toThrow(RangeError)
})

/** Counts of `rows` draws from ten bins of unequal shares. */
function drawn(rows: number, random: () => number): number[] {
  const bins = Array.from({ length: 10 }, () => 0)
  for (let row = 0; row < rows; row++) {
    const bin = Math.floor(10 * Math.sqrt(random()))
    bins[bin] = (bins[bin] ?? 0) + 1
  }
  return bins
}

test('without a change PSI, 8 · Jensen–Shannon and 8 · Hellinger² spread like (1/n + 1/m) · χ²(B − 1)', () => {
  const random = seededRandom(3)
  const runs = 1500
  const [n, m] = [5000, 2000]
  const over = { psi: 0, jensenShannon: 0, hellinger: 0 }
  const limit = psiThreshold(n, m, 10, 0.05)
  const p: number[] = []
  for (let run = 0; run < runs; run++) {
    const [a, b] = [drawn(n, random), drawn(m, random)]
    p.push(psiTest(a, b).p)
    if (psi(a, b) > limit) over.psi++
    if (8 * jensenShannon(a, b) > limit) over.jensenShannon++
    if (8 * hellinger(a, b) ** 2 > limit) over.hellinger++
  }
  expectUniform(p)
  for (const alarms of Object.values(over)) {
    expectAtMost(alarms, runs, 0.05)
    expectAtMost(runs - alarms, runs, 0.95)
  }
})

test('the folklore threshold of 0.1 is passed by chance in most windows of 100 posts', () => {
  const random = seededRandom(4)
  const passed = Array.from({ length: 300 }, () => psi(drawn(100, random), drawn(100, random))).filter((x) => x > 0.1)
  expect(passed.length).toBeGreaterThan(150)
  expect(psiThreshold(100, 100, 10, 0.05)).toBeCloseTo(0.338, 3)
})

test('simulated, the null holds where bins are thin, and the χ² approximation says that it does not', () => {
  const random = seededRandom(5)
  const shares = (draw: number) => (draw < 0.97 ? 0 : draw < 0.985 ? 1 : draw < 0.995 ? 2 : 3)
  const window = (rows: number) => {
    const bins = [0, 0, 0, 0]
    for (let row = 0; row < rows; row++) {
      const bin = shares(random())
      bins[bin] = (bins[bin] ?? 0) + 1
    }
    return bins
  }
  const runs = 300
  let alarms = 0
  for (let run = 0; run < runs; run++) {
    const [reference, live] = [window(400), window(60)]
    expect(psiTest(reference, live).smallestExpected).toBeLessThan(5)
    if (simulatedNull(reference, live, psi, random, 99).p <= 0.05) alarms++
  }
  expectAtMost(alarms, runs, 0.05)
  const { p, observed, sorted } = simulatedNull([390, 5, 3, 2], [30, 15, 10, 5], psi, random, 199)
  expect(p).toBe(1 / 200)
  expect(observed).toBeGreaterThan(sorted.at(-1) ?? 0)
})
