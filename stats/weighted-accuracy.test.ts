import { expect, test } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { inclusionProbabilities, systematicSample, unionProbability } from './sampling.ts'
import { weightedAccuracy } from './weighted-accuracy.ts'
import { wilson } from './wilson.ts'

test('with equal probabilities it is the share, with its interval after Wilson', () => {
  for (const probability of [1, 0.01]) {
    const right = Array.from({ length: 40 }, (_, at) => at % 4 !== 0)
    const found = weightedAccuracy(
      right,
      right.map(() => probability),
    )
    const { low, high } = wilson(30, 40)
    expect(found?.estimate).toBeCloseTo(0.75, 12)
    expect(found?.standardError).toBeCloseTo(Math.sqrt((0.75 * 0.25) / 40), 12)
    expect(found?.low).toBeCloseTo(low, 10)
    expect(found?.high).toBeCloseTo(high, 10)
  }
})

test('a hundred doubtful posts do not outweigh the rest', () => {
  // 100 of 100 doubtful posts were labelled, all wrong; 9 of 900 sure ones, all right: 90 % of all posts are right.
  const right = [...Array<boolean>(100).fill(false), ...Array<boolean>(9).fill(true)]
  const found = weightedAccuracy(right, [...Array<number>(100).fill(1), ...Array<number>(9).fill(0.01)])
  expect(found?.estimate).toBeCloseTo(0.9, 12)
})

test('all right and all wrong have an interval too', () => {
  const probabilities = [0.5, 0.1, 0.1]
  const all = weightedAccuracy([true, true, true], probabilities)
  expect(all).toMatchObject({ estimate: 1, standardError: 0, high: 1 })
  expect(all?.low).toBeCloseTo(wilson(22 ** 2 / 204, 22 ** 2 / 204).low, 10)
  expect(weightedAccuracy([false, false, false], probabilities)).toMatchObject({ estimate: 0, low: 0 })
})

test('nothing is known of no answers, and what is no probability is refused', () => {
  expect(weightedAccuracy([], [])).toBeUndefined()
  for (const probability of [0, -1, 1.1, Number.NaN]) {
    expect(() => weightedAccuracy([true], [probability])).toThrow(RangeError)
  }
  expect(() => weightedAccuracy([true], [])).toThrow(RangeError)
})

test('however doubtful posts are preferred, the estimate is unbiased, and its interval holds the truth', () => {
  // 3,000 posts, of which the doubtful are wrong far more often; 150 are labelled, half of them for being doubtful.
  const random = seededRandom(3)
  const margins = Array.from({ length: 3000 }, () => Math.sqrt(random()))
  const right = margins.map((margin) => random() < 0.5 + 0.48 * margin)
  const truth = right.filter(Boolean).length / right.length
  const doubtful = inclusionProbabilities(
    margins.map((margin) => (1 - margin) ** 2),
    75,
  )
  const audit = 75 / 3000
  const probabilities = margins.map((_, post) => unionProbability([doubtful[post] ?? 0, audit]))

  const draws = 2000
  let held = 0
  const estimates: number[] = []
  const plain: number[] = []
  for (let draw = 0; draw < draws; draw++) {
    const chosen = systematicSample(probabilities, random)
    const answers = chosen.map((post) => right[post] ?? false)
    const found = weightedAccuracy(
      answers,
      chosen.map((post) => probabilities[post] ?? 0),
    )
    if (found === undefined) throw new Error('a sample was empty')
    estimates.push(found.estimate)
    plain.push(answers.filter(Boolean).length / answers.length)
    if (found.low <= truth && truth <= found.high) held++
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const spread = Math.sqrt(mean(estimates.map((value) => (value - mean(estimates)) ** 2)))
  // The ratio's own bias is of order 1 / answers: a tenth of its spread at most, and far below what weights correct.
  expect(Math.abs(mean(estimates) - truth)).toBeLessThan((4 * spread) / Math.sqrt(draws) + spread / 150)
  expect(truth - mean(plain)).toBeGreaterThan(5 * Math.abs(mean(estimates) - truth))
  expect(truth - mean(plain)).toBeGreaterThan(0.05)
  const coverage = held / draws
  expect(coverage).toBeGreaterThan(0.95 - 4 * Math.sqrt((0.95 * 0.05) / draws))
})
