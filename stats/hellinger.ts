import { checkCounts, checkSameLength } from './checks.ts'

/**
 * Hellinger distance: √(½ Σ (√pᵢ − √qᵢ)²), a metric. Without drift its square is about (1/n + 1/m) · χ²(B − 1) / 8 for B
 * bins that are not empty.
 *
 * @param first,second counts over the same bins
 * @returns 0 (equal shares) to 1 (no bin in common)
 * @throws RangeError if the lengths differ, a count is negative or NaN, or a side holds no counts
 * @see Hellinger (1909), J. reine angew. Math. 136, 210–271
 */
export function hellinger(first: ArrayLike<number>, second: ArrayLike<number>): number {
  checkSameLength(first, second, 'first against second')
  const n = checkCounts(first, 'first')
  const m = checkCounts(second, 'second')
  let sum = 0
  for (let bin = 0; bin < first.length; bin++) {
    sum += (Math.sqrt((first[bin] ?? 0) / n) - Math.sqrt((second[bin] ?? 0) / m)) ** 2
  }
  return Math.min(1, Math.sqrt(sum / 2))
}
