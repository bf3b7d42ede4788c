import fc from 'fast-check'
import { expect, test } from 'vitest'
import { equalMassEdges, histogram, mergeHistograms, rebin } from './histogram.ts'

const edges = [0, 0.25, 0.5, 0.75, 1]

test('an edge belongs to the bin above it, and what lies outside to the outermost bins', () => {
  expect(histogram([-3, 0, 0.25, 0.4999, 0.75, 1, 7], edges).counts).toEqual([2, 2, 0, 3])
  expect(histogram([], edges).counts).toEqual([0, 0, 0, 0])
})

test('NaN and edges that do not ascend are refused', () => {
  expect(() => histogram([Number.NaN], edges)).toThrow(RangeError)
  for (const bad of [[], [1], [0, 0], [1, 0], [0, Number.NaN]]) expect(() => histogram([1], bad)).toThrow(RangeError)
})

test('merging is counting together: associative, commutative, with the empty histogram as its zero', () => {
  const values = fc.array(fc.double({ min: -1, max: 2, noNaN: true }), { maxLength: 50 })
  fc.assert(
    fc.property(values, values, values, (a, b, c) => {
      const [x, y, z] = [histogram(a, edges), histogram(b, edges), histogram(c, edges)]
      expect(mergeHistograms(x, y)).toEqual(histogram([...a, ...b], edges))
      expect(mergeHistograms(x, y)).toEqual(mergeHistograms(y, x))
      expect(mergeHistograms(mergeHistograms(x, y), z)).toEqual(mergeHistograms(x, mergeHistograms(y, z)))
      expect(mergeHistograms(x, histogram([], edges))).toEqual(x)
    }),
    { numRuns: 100 },
  )
  expect(() => mergeHistograms(histogram([], edges), histogram([], [0, 0.3, 0.5, 0.75, 1]))).toThrow(RangeError)
})

test('joined bins hold the same counts, about equally many each', () => {
  const fine = { edges: [0, 1, 2, 3, 4, 5, 6], counts: [5, 5, 0, 10, 40, 0] }
  const coarse = equalMassEdges(fine, 3)
  expect(coarse).toEqual([0, 4, 5, 6])
  expect(rebin(fine, coarse).counts).toEqual([20, 40, 0])
  expect(() => rebin(fine, [0, 2.5, 6])).toThrow(RangeError)
  expect(() => rebin(fine, [0, 2])).toThrow(RangeError)
})
