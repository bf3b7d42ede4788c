import { checkCounts, checkSameLength } from './checks.ts'

/**
 * Jensen–Shannon divergence: ½ KL(p ‖ r) + ½ KL(q ‖ r), r = (p + q) / 2 (Lin 1991, doi:10.1109/18.61115). Its square root
 * is a metric. Without drift it is about (1/n + 1/m) · χ²(B − 1) / 8 for B bins that are not empty.
 *
 * @param first,second counts over the same bins; a bin empty on either side or on both is fine
 * @returns nats, 0 (equal shares) to ln 2 (no bin in common)
 * @throws RangeError if the lengths differ, a count is negative or NaN, or a side holds no counts
 */
export function jensenShannon(first: ArrayLike<number>, second: ArrayLike<number>): number {
  checkSameLength(first, second, 'first against second')
  const n = checkCounts(first, 'first')
  const m = checkCounts(second, 'second')
  let sum = 0
  for (let bin = 0; bin < first.length; bin++) {
    const p = (first[bin] ?? 0) / n
    const q = (second[bin] ?? 0) / m
    if (p > 0) sum += p * Math.log((2 * p) / (p + q))
    if (q > 0) sum += q * Math.log((2 * q) / (p + q))
  }
  return Math.max(0, sum / 2)
}
