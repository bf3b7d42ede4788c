import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { paletteOf, paletteSize } from './colours.ts'
import { niceCeiling, stacked } from './scale.ts'

describe('nice ceiling', () => {
  test.each([
    [0, 1],
    [0.3, 1],
    [1, 1],
    [9, 10],
    [10, 10],
    [11, 15],
    [264, 300],
    [801, 1_000],
    [21_000, 30_000],
  ])('of %d is %d', (value, ceiling) => {
    expect(niceCeiling(value)).toBe(ceiling)
  })

  test('is never below the value, nor twice as high', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 1e9, noNaN: true }), (value) => {
        expect(niceCeiling(value)).toBeGreaterThanOrEqual(value)
        expect(niceCeiling(value)).toBeLessThanOrEqual(value * 2)
      }),
    )
  })
})

describe('stacked shares', () => {
  test('lie on each other up to 1, and a step without posts is a gap', () => {
    expect(
      stacked([
        [1, 0, 2],
        [1, 0, 0],
        [2, 0, 2],
      ]),
    ).toEqual([
      [0.25, null, 0.5],
      [0.5, null, 0.5],
      [1, null, 1],
    ])
  })

  test('of no classes are none', () => {
    expect(stacked([])).toEqual([])
  })
})

describe('palette', () => {
  test('the classes of a sentiment model keep their colours, in any order and case', () => {
    expect(paletteOf(['negative', 'neutral', 'positive'])).toEqual([0, 1, 2])
    expect(paletteOf(['POSITIVE', 'NEGATIVE'])).toEqual([2, 0])
  })

  test('others get what is left, each its own while there are enough', () => {
    expect(paletteOf(['joy', 'negative', 'anger', 'fear'])).toEqual([1, 0, 2, 3])
    const many = paletteOf(Array.from({ length: 30 }, (_, n) => `class ${n}`))
    expect(new Set(many.slice(0, paletteSize)).size).toBe(paletteSize)
    expect(many.every((position) => position >= 0 && position < paletteSize)).toBe(true)
  })
})
