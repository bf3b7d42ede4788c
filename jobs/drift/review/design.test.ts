import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { strategies } from '../../../clickhouse/rows/labels.ts'
import { seededRandom } from '../../../core/random.ts'
import { weightedAccuracy } from '../../../stats/weighted-accuracy.ts'
import { entropyDoubt, marginDoubt } from './acquisition.ts'
import { type Candidate, choose, defaultBudget, scaled } from './design.ts'
import { kCentre, pointOf } from './diversity.ts'

const total = Object.values(defaultBudget).reduce((sum, posts) => sum + posts, 0)

function candidates(count: number, seed = 1): Candidate[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, n) => {
    const p = random()
    return { text: `post ${n} about ${n % 40} and ${n % 7}`, probabilities: [p, (1 - p) * 0.7, (1 - p) * 0.3] }
  })
}

describe('doubt', () => {
  test('falls with the margin and grows with the entropy, within 0 to 1', () => {
    expect(marginDoubt([0.5, 0.5])).toBe(1)
    expect(marginDoubt([0, 1, 0])).toBe(0)
    expect(marginDoubt([0.1, 0.3, 0.6])).toBeCloseTo(0.7 ** 4, 12)
    expect(entropyDoubt([0.25, 0.25, 0.25, 0.25])).toBeCloseTo(1, 12)
    expect(entropyDoubt([0, 1])).toBe(0)
  })

  test('of a model with one class there is none, and one without numbers is doubtful', () => {
    expect(marginDoubt([1])).toBe(0)
    expect(entropyDoubt([1])).toBe(0)
    expect(marginDoubt([Number.NaN, Number.NaN])).toBe(1)
    fc.assert(
      fc.property(fc.array(fc.float(), { maxLength: 5 }), (values) => {
        for (const doubt of [marginDoubt(values), entropyDoubt(values)]) {
          expect(doubt).toBeGreaterThanOrEqual(0)
          expect(doubt).toBeLessThanOrEqual(1)
        }
      }),
    )
  })
})

describe('k-centre', () => {
  test('takes one of each group before two of any', () => {
    const groups = ['rain in spain', 'football tonight', 'new phone out', 'so tired today']
    const texts = Array.from({ length: 40 }, (_, n) => groups[n % 4] ?? '')
    const centres = kCentre(
      texts.map((text) => pointOf(text, [0.5, 0.5])),
      10,
    )
    expect(centres.map((at) => at % 4).sort()).toEqual([0, 1, 2, 3])
  })

  test('is empty for nothing, and never takes a point twice', () => {
    expect(kCentre([], 3)).toEqual([])
    expect(kCentre([pointOf('a', [1])], 0)).toEqual([])
    const points = candidates(200).map((one) => pointOf(one.text, one.probabilities))
    const centres = kCentre(points, 30)
    expect(new Set(centres).size).toBe(30)
  })
})

describe('what is chosen', () => {
  test('is never more than the budget, each post once, and no probability is below that of the audit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), fc.integer(), fc.boolean(), (count, seed, drifting) => {
        const posts = candidates(count, seed)
        const typicality = drifting ? posts.map((_, n) => n % 3) : undefined
        const chosen = choose(posts, defaultBudget, typicality, seededRandom(seed))
        expect(chosen.length).toBeLessThanOrEqual(Math.min(total, count))
        expect(new Set(chosen.map(({ at }) => at)).size).toBe(chosen.length)
        for (const { probability, strategy } of chosen) {
          expect(probability).toBeGreaterThanOrEqual(Math.min(1, defaultBudget.audit / count) - 1e-12)
          expect(probability).toBeLessThanOrEqual(1)
          expect(strategies).toContain(strategy)
          if (!drifting) expect(strategy).not.toBe('drift')
        }
      }),
      { numRuns: 40 },
    )
  })

  test.each([
    ['a single class', [1]],
    ['all-equal confidences', [0.5, 0.5]],
    ['no doubt at all', [1, 0]],
    ['numbers that are none', [Number.NaN, Number.NaN]],
  ])('is a known sample also of %s', (_, probabilities) => {
    const posts = Array.from({ length: 500 }, () => ({ text: 'the same', probabilities }))
    const chosen = choose(posts, defaultBudget, undefined, seededRandom(4))
    expect(chosen.length).toBeGreaterThanOrEqual(59) // the audit, and what drift and doubt leave
    for (const { probability } of chosen) {
      expect(probability).toBeGreaterThanOrEqual(0.08)
      expect(probability).toBeLessThanOrEqual(1)
    }
  })

  test('weighs by the inverse of its probabilities to all posts, and to their doubtful ones, on average', () => {
    const posts = candidates(1500)
    const doubtful = posts.map(({ probabilities }) => (marginDoubt(probabilities) > 0.3 ? 1 : 0))
    const typicality = posts.map((_, n) => (n % 10 === 0 ? 5 : 0.1))
    const random = seededRandom(9)
    const draws = 300
    const sums = Array.from({ length: draws }, () => {
      let [count, inDoubt] = [0, 0]
      for (const { at, probability } of choose(posts, { ...defaultBudget, diversity: 0 }, typicality, random)) {
        count += 1 / probability
        inDoubt += (doubtful[at] ?? 0) / probability
      }
      return [count, inDoubt] as const
    })
    const truths = [posts.length, doubtful.reduce<number>((sum, one) => sum + one, 0)]
    truths.forEach((truth, which) => {
      const values = sums.map((pair) => pair[which] ?? 0)
      const mean = values.reduce((sum, value) => sum + value, 0) / draws
      const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws)
      expect(Math.abs(mean - truth)).toBeLessThan((4 * spread) / Math.sqrt(draws))
    })
  })

  test('tells the accuracy of all posts, though the doubtful and the changed are preferred', () => {
    // Calibrated confidences of 34 to 100 %; the classifier of the change finds wrong ones more often than right ones.
    const random = seededRandom(3)
    const posts = Array.from({ length: 1000 }, (_, n) => {
      const p = 0.34 + 0.66 * Math.sqrt(random())
      return { text: `word ${n % 50} and ${n % 11}`, probabilities: [p, (1 - p) * 0.7, (1 - p) * 0.3] as const }
    })
    const right = posts.map(({ probabilities: [p] }) => random() < p)
    const typicality = right.map((yes) => (yes ? 0.2 : 0.6) * random())
    const truth = right.filter(Boolean).length / right.length
    const draws = 200
    let [held, plain] = [0, 0]
    const estimates = Array.from({ length: draws }, () => {
      const chosen = choose(posts, defaultBudget, typicality, random)
      const answers = chosen.map(({ at }) => right[at] ?? false)
      const found = weightedAccuracy(
        answers,
        chosen.map(({ probability }) => probability),
      )
      if (found === undefined) throw new Error('a sample was empty')
      if (found.low <= truth && truth <= found.high) held++
      plain += answers.filter(Boolean).length / answers.length / draws
      return found.estimate
    })
    const mean = estimates.reduce((sum, value) => sum + value, 0) / draws
    const spread = Math.sqrt(estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws)
    // A ratio's own bias is of order 1 / answers.
    expect(Math.abs(mean - truth)).toBeLessThan((4 * spread) / Math.sqrt(draws) + spread / 100)
    expect(truth - plain).toBeGreaterThan(0.08)
    expect(held / draws).toBeGreaterThan(0.95 - 4 * Math.sqrt((0.95 * 0.05) / draws))
  })

  test('is filed under the strategies in proportion to their budgets', () => {
    const posts = candidates(3000)
    const typicality = posts.map((_, n) => n % 5)
    const random = seededRandom(2)
    const counts = new Map<string, number>()
    for (let draw = 0; draw < 20; draw++) {
      for (const { strategy } of choose(posts, defaultBudget, typicality, random)) {
        counts.set(strategy, (counts.get(strategy) ?? 0) + 1)
      }
    }
    for (const strategy of strategies) {
      const expected = 20 * defaultBudget[strategy]
      expect(Math.abs((counts.get(strategy) ?? 0) - expected)).toBeLessThan(0.15 * expected + 4 * Math.sqrt(expected))
    }
  })
})

test('a smaller budget is divided in the same way, to the last post', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 300 }), (posts) => {
      const budget = scaled(defaultBudget, posts)
      expect(Object.values(budget).reduce((sum, part) => sum + part, 0)).toBe(posts)
      for (const strategy of strategies) expect(budget[strategy]).toBeGreaterThanOrEqual(0)
    }),
  )
})
