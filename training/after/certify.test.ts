import { expect, test } from 'vitest'
import { compare, describeComparison } from './certify.ts'

const run = {
  variant: 'fp32',
  backend: 'wasm',
  provider: 'cpu',
  classes: 2,
  truth: [0, 1],
  reference: Float32Array.of(2, 0, 0, 2),
  measured: Float32Array.of(2, 0, 0, 2),
} as const

test('the same numbers pass', () => {
  expect(compare(run)).toMatchObject({ passed: true, maxDelta: 0, argmaxAgreement: 1, accuracy: 1, rows: 2 })
})

test.each([
  ['a probability that is off', Float32Array.of(2.1, 0, 0, 2)],
  ['a class that flips', Float32Array.of(2, 0, 2, 0)],
  ['NaN', Float32Array.of(Number.NaN, 0, 0, 2)],
])('fp32 fails on %s', (_, measured) => {
  expect(compare({ ...run, measured }).passed).toBe(false)
})

test('int8 may be off, but not wrong, and not NaN', () => {
  const off = { ...run, variant: 'int8' } as const
  expect(compare({ ...off, measured: Float32Array.of(2.1, 0, 0, 2) }).passed).toBe(true)
  expect(compare({ ...off, measured: Float32Array.of(2, 0, 2, 0) }).passed).toBe(false)
  expect(compare({ ...off, measured: Float32Array.of(Number.NaN, 0, 0, 2) }).passed).toBe(false)
})

test('int8 may lose half a point, and the line says how many posts that is', () => {
  const judged = (rows: number, lost: number) => {
    const right = Array.from({ length: rows }, () => [2, 0]).flat()
    const measured = Float32Array.from(right, (logit, at) => (at < 2 * lost ? 2 - logit : logit))
    const truth = new Array<number>(rows).fill(0)
    return compare({ ...run, variant: 'int8', truth, reference: Float32Array.from(right), measured })
  }
  expect(judged(200, 1).passed).toBe(true)
  expect(judged(199, 1).passed).toBe(false)
  expect(describeComparison(judged(399, 2))).toContain('2 fewer right of at most 1 that half a point allows')
})

test('fp16 may be off by a hundredth and flip a tie, but not more', () => {
  const rows = 200
  const many = (logits: readonly number[]) => Float32Array.from({ length: rows * 2 }, (_, at) => logits[at % 2] ?? 0)
  const reference = many([0.001, 0])
  const half = { ...run, variant: 'fp16', truth: new Array<number>(rows).fill(0), reference } as const
  const flipped = (count: number) => reference.map((logit, at) => (at < count * 2 ? -logit : logit))
  expect(compare({ ...half, measured: flipped(2) }).passed).toBe(true)
  expect(compare({ ...half, measured: flipped(3) }).passed).toBe(false)
  expect(compare({ ...half, measured: many([0.061, 0]) }).passed).toBe(false)
  expect(compare({ ...half, measured: many([Number.NaN, 0]) }).passed).toBe(false)
})

test('no rows prove nothing', () => {
  const none = { ...run, truth: [], reference: new Float32Array(0), measured: new Float32Array(0) }
  expect(compare(none).passed).toBe(false)
})
