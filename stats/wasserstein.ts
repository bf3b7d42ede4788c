import { checkCounts, checkFinite, checkSameLength, checkSample } from './checks.ts'

/**
 * Wasserstein-1 (earth mover's) distance of two samples: ∫ |F(x) − G(x)| dx of their empirical distribution functions, a
 * metric, in the unit of the values (Vallender 1974, doi:10.1137/1118101).
 *
 * @returns ≥ 0; 0 when the samples have the same distribution
 * @throws RangeError when a sample is empty or holds NaN
 */
export function wasserstein(first: ArrayLike<number>, second: ArrayLike<number>): number {
  checkSample(first, 'first')
  checkSample(second, 'second')
  const [a, b] = [Float64Array.from(first).sort(), Float64Array.from(second).sort()]
  let [i, j, sum] = [0, 0, 0]
  let value = Math.min(a[0] ?? 0, b[0] ?? 0)
  while (i < a.length || j < b.length) {
    const next = Math.min(a[i] ?? Number.POSITIVE_INFINITY, b[j] ?? Number.POSITIVE_INFINITY)
    sum += Math.abs(i / a.length - j / b.length) * (next - value)
    value = next
    while (a[i] === value) i++
    while (b[j] === value) j++
  }
  return sum
}

/**
 * The same of two histograms whose counts sit at `positions` (for instance the middles of their bins). Counted so, values
 * move by up to half a bin, and the distance by up to a whole one.
 *
 * @param positions [bins], ascending
 * @throws RangeError if lengths differ, positions do not ascend, a count is negative or NaN, or a side holds no counts
 */
export function wassersteinOfCounts(
  positions: ArrayLike<number>,
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): number {
  checkSameLength(positions, first, 'positions against first')
  checkSameLength(first, second, 'first against second')
  checkFinite(positions, 'positions')
  const n = checkCounts(first, 'first')
  const m = checkCounts(second, 'second')
  let [below, belowToo, sum] = [0, 0, 0]
  for (let bin = 0; bin + 1 < positions.length; bin++) {
    const width = (positions[bin + 1] ?? 0) - (positions[bin] ?? 0)
    if (width < 0) throw new RangeError(`positions[${bin + 1}] is smaller than the one before it`)
    below += first[bin] ?? 0
    belowToo += second[bin] ?? 0
    sum += Math.abs(below / n - belowToo / m) * width
  }
  return sum
}
