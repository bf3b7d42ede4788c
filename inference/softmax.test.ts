import { expect, test } from 'vitest'
import { softmaxRow } from './softmax.ts'

const softmax = (...logits: number[]): number[] | undefined => {
  const out = new Float64Array(logits.length)
  return softmaxRow(Float32Array.from(logits), 0, logits.length, out, 0) ? Array.from(out) : undefined
}

test('equal logits give equal shares', () => {
  expect(softmax(3, 3, 3, 3)).toEqual([0.25, 0.25, 0.25, 0.25])
})

test('a difference of ln 3 is three to one', () => {
  const [one, three] = softmax(0, Math.log(3)) ?? []
  expect(one).toBeCloseTo(0.25, 7)
  expect(three).toBeCloseTo(0.75, 7)
})

test('logits of ±1000 neither overflow nor vanish into not-a-number', () => {
  expect(softmax(1000, -1000)).toEqual([1, 0])
})

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('%d is refused', (logit) => {
  expect(softmax(0, logit)).toBeUndefined()
})

test('a row that is not there is refused', () => {
  expect(softmaxRow(Float32Array.from([1, 2]), 1, 2, new Float64Array(2), 0)).toBe(false)
})
