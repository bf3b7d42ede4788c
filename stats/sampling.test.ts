import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { inclusionProbabilities, systematicSample, unionProbability } from './sampling.ts'

const sum = (values: Iterable<number>): number => [...values].reduce((all, value) => all + value, 0)
const weights = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1e6, noNaN: true })), {
  minLength: 1,
  maxLength: 60,
})

describe('probabilities in proportion to weights', () => {
  test('add up to the size, stay within 0 to 1, and are proportional below 1', () => {
    fc.assert(
      fc.property(weights, fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 70, noNaN: true })), (given, size) => {
        const chosen = inclusionProbabilities(given, size)
        const positive = given.filter((weight) => weight > 0).length
        expect(sum(chosen)).toBeCloseTo(Math.min(size, positive), 6)
        const factors = given.flatMap((weight, unit) => {
          const probability = chosen[unit] ?? Number.NaN
          expect(probability).toBeGreaterThanOrEqual(0)
          expect(probability).toBeLessThanOrEqual(1)
          if (weight === 0) expect(probability).toBe(0)
          return weight > 0 && probability < 1 && probability > 0 ? [probability / weight] : []
        })
        const [first = 1] = factors
        for (const factor of factors) expect(factor / first).toBeCloseTo(1, 6)
      }),
    )
  })

  test('what cannot be a weight is refused', () => {
    expect(() => inclusionProbabilities([1, -1], 1)).toThrow(RangeError)
    expect(() => inclusionProbabilities([1, Number.NaN], 1)).toThrow(RangeError)
    expect(() => inclusionProbabilities([1], Number.NaN)).toThrow(RangeError)
    expect([...inclusionProbabilities([], 3)]).toEqual([])
  })
})

describe('a systematic sample', () => {
  const probability = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }))

  test('has as many units as the probabilities add up to, never one of 0, always one of 1', () => {
    fc.assert(
      fc.property(fc.array(probability, { maxLength: 80 }), fc.integer(), (probabilities, seed) => {
        const chosen = systematicSample(probabilities, seededRandom(seed))
        const total = sum(probabilities)
        expect(chosen.length).toBeGreaterThanOrEqual(Math.floor(total - 1e-9))
        expect(chosen.length).toBeLessThanOrEqual(Math.ceil(total + 1e-9))
        expect(new Set(chosen).size).toBe(chosen.length)
        probabilities.forEach((one, unit) => {
          if (one === 0) expect(chosen).not.toContain(unit)
          if (one === 1) expect(chosen).toContain(unit)
        })
      }),
    )
  })

  test('chooses each unit with its probability', () => {
    const probabilities = [0.9, 0.05, 0.5, 0.33, 1, 0, 0.01, 0.71]
    const counts = probabilities.map(() => 0)
    const random = seededRandom(5)
    const draws = 20_000
    for (let draw = 0; draw < draws; draw++) {
      for (const unit of systematicSample(probabilities, random)) counts[unit] = (counts[unit] ?? 0) + 1
    }
    probabilities.forEach((probability, unit) => {
      const standardError = Math.sqrt((probability * (1 - probability)) / draws)
      expect(Math.abs((counts[unit] ?? 0) / draws - probability)).toBeLessThanOrEqual(4 * standardError)
    })
  })
})

test('independent designs together', () => {
  expect(unionProbability([])).toBe(0)
  expect(unionProbability([0.5, 0.5])).toBe(0.75)
  expect(unionProbability([0.1, 1])).toBe(1)
})
