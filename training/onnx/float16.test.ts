import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromFloat16, toFloat16 } from './float16.ts'

const one = (value: number): number => toFloat16(Float32Array.of(value))[0] ?? -1
const back = (half: number): number => fromFloat16(Uint16Array.of(half))[0] ?? Number.NaN

test('every half but NaN survives the way to float32 and back', () => {
  const all = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits).filter((bits) => (bits & 0x7fff) <= 0x7c00)
  expect(toFloat16(fromFloat16(all))).toEqual(all)
})

test('known values', () => {
  expect([1, -2, 0.5, 65504, 2 ** -24, 1 / 3].map(one)).toEqual([0x3c00, 0xc000, 0x3800, 0x7bff, 0x0001, 0x3555])
})

test('too large is infinite, too small is zero, no number stays none', () => {
  expect([65519, 65520, -1e9, Number.POSITIVE_INFINITY].map(one)).toEqual([0x7bff, 0x7c00, 0xfc00, 0x7c00])
  expect([2 ** -26, -(2 ** -25), 3 * 2 ** -25].map(one)).toEqual([0x0000, 0x8000, 0x0002])
  expect(back(one(Number.NaN))).toBeNaN()
})

test('no other half is nearer; of two as near the even one is taken', () => {
  fc.assert(
    fc.property(fc.float({ min: -65000, max: 65000, noNaN: true }), (value) => {
      const half = one(value)
      const error = Math.abs(back(half) - value)
      for (const neighbour of [half - 1, half + 1]) {
        if ((neighbour & 0x7fff) > 0x7bff) continue
        const other = Math.abs(back(neighbour) - value)
        expect(error < other || (error === other && half % 2 === 0) || Number.isNaN(other)).toBe(true)
      }
    }),
    { numRuns: 2_000 },
  )
})
