import type { Random } from '../core/random.ts'
import { checkCounts, checkSameLength } from './checks.ts'

/**
 * What a distance of two histograms is when nothing has changed: two samples of the same sizes are drawn from the pooled
 * shares, again and again (the parametric bootstrap; Efron and Tibshirani 1993, chapter 16). For small windows and thin
 * bins, where the χ² approximation of PSI and its relatives fails.
 *
 * @param reference,live counts over the same bins, whole numbers
 * @param distance of two rows of counts, such as `psi`, `jensenShannon`, `hellinger`
 * @param draws ≥ 1; a p below 1 / (draws + 1) cannot come out
 * @returns the observed distance, the simulated ones in ascending order, and
 *   p = (1 + simulated ≥ observed) / (1 + draws), which is never 0 (Davison and Hinkley 1997, 4.2)
 * @throws RangeError if the lengths differ, a count is negative or NaN, or a side holds no counts
 */
export function simulatedNull(
  reference: ArrayLike<number>,
  live: ArrayLike<number>,
  distance: (first: Float64Array, second: Float64Array) => number,
  random: Random,
  draws = 999,
): { readonly observed: number; readonly p: number; readonly sorted: Float64Array } {
  checkSameLength(reference, live, 'reference against live')
  const n = checkCounts(reference, 'reference')
  const m = checkCounts(live, 'live')
  const upTo = Float64Array.from(reference, (count, bin) => count + (live[bin] ?? 0))
  for (let bin = 1; bin < upTo.length; bin++) upTo[bin] = (upTo[bin] ?? 0) + (upTo[bin - 1] ?? 0)
  const observed = distance(Float64Array.from(reference), Float64Array.from(live))
  const sorted = new Float64Array(draws)
  for (let draw = 0; draw < draws; draw++) {
    sorted[draw] = distance(sampleCounts(n, upTo, n + m, random), sampleCounts(m, upTo, n + m, random))
  }
  sorted.sort()
  const larger = sorted.filter((value) => value >= observed * (1 - 1e-12)).length // equal ones differ by rounding
  return { observed, p: (1 + larger) / (1 + draws), sorted }
}

/** `size` draws from the bins, whose cumulated counts are `upTo`. */
function sampleCounts(size: number, upTo: Float64Array, total: number, random: Random): Float64Array {
  const counts = new Float64Array(upTo.length)
  for (let draw = 0; draw < size; draw++) {
    const at = random() * total
    let bin = 0
    while (bin < upTo.length - 1 && at >= (upTo[bin] ?? 0)) bin++
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return counts
}
