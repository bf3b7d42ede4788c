import { expect, test } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { softmaxRows } from './softmax.ts'
import { fitTemperature } from './temperature.ts'

/** Labels drawn from softmax(logits), so that T = 1 is right; then the logits are made `factor` times too sure. */
function overconfident(factor: number, rows: number) {
  const random = seededRandom(5)
  const logits = Float32Array.from({ length: rows * 3 }, () => 4 * random() - 2)
  const probabilities = softmaxRows(logits, 3)
  const truth = Array.from({ length: rows }, (_, row) => {
    const draw = random()
    const [first = 0, second = 0] = probabilities.subarray(row * 3, row * 3 + 3)
    return draw < first ? 0 : draw < first + second ? 1 : 2
  })
  return { logits: logits.map((logit) => logit * factor), truth }
}

test.each([0.5, 1, 3])('finds the factor %d by which logits are too large', (factor) => {
  const { logits, truth } = overconfident(factor, 20_000)
  expect(fitTemperature(logits, truth, 3) / factor).toBeCloseTo(1, 1)
})

test('a few posts that are all right make no model that is never in doubt, and many are believed', () => {
  const allRight = (rows: number) =>
    fitTemperature(
      Float32Array.from({ length: rows * 3 }, (_, at) => (at % 3 === 0 ? 2 : 0)),
      new Uint8Array(rows),
      3,
      0.5,
    )
  expect(allRight(10)).toBeGreaterThan(0.5)
  expect(allRight(10)).toBeLessThan(0.8)
  expect(allRight(5000)).toBeLessThan(0.3)
  const { logits, truth } = overconfident(3, 400)
  expect(fitTemperature(logits, truth, 3, 0.5)).toBeGreaterThan(2.4)
  expect(fitTemperature(logits, truth, 3, 0.5)).toBeLessThan(fitTemperature(logits, truth, 3))
})

test('stays within its bounds when every post is right, and is 1 when there is none', () => {
  expect(fitTemperature(Float32Array.of(1, 0, 0, 0, 1, 0), [0, 1], 3)).toBeGreaterThanOrEqual(0.05)
  expect(fitTemperature(new Float32Array(0), [], 3)).toBe(1)
})
