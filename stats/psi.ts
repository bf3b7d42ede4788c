import { checkBetween, checkCounts, checkSameLength } from './checks.ts'
import { chiSquareQuantile, chiSquareUpper } from './special.ts'

/**
 * Population stability index: Σ (qᵢ − pᵢ) · ln((qᵢ + ε) / (pᵢ + ε)) over bins, p = reference shares, q = live shares.
 *
 * @param reference counts, [bins], sum > 0
 * @param live counts over the same bins, sum > 0
 * @param epsilon share added to every bin so that an empty one stays finite; a bin that is empty on one side adds up to
 *   share · ln(share / ε), 9 times the share for the default
 * @returns nats, ≥ 0; 0 when the shares are equal
 * @throws RangeError if the lengths differ, a count is negative or NaN, or a side holds no counts
 * @see Jeffreys (1946), Proc. R. Soc. Lond. A 186, 453–461: the symmetrised divergence this equals
 */
export function psi(reference: ArrayLike<number>, live: ArrayLike<number>, epsilon = 1e-4): number {
  checkSameLength(reference, live, 'reference against live')
  const n = checkCounts(reference, 'reference')
  const m = checkCounts(live, 'live')
  let sum = 0
  for (let bin = 0; bin < live.length; bin++) {
    const p = (reference[bin] ?? 0) / n
    const q = (live[bin] ?? 0) / m
    sum += (q - p) * Math.log((q + epsilon) / (p + epsilon))
  }
  return sum
}

export interface PsiTest {
  readonly psi: number
  /** Probability of a PSI at least this large when nothing has changed. */
  readonly p: number
  /** Bins that hold a count on either side. */
  readonly bins: number
  /** Smallest expected count of a bin that is not empty; below 5 the p is no good: join bins, or simulate the null. */
  readonly smallestExpected: number
}

/**
 * PSI with its own spread: without drift it is about (1/n + 1/m) · χ²(B − 1) for B bins, so the usual 0.1 and 0.25 are
 * passed by chance in small windows and never in large ones. (To second order PSI equals Pearson's χ² of the two rows of
 * counts, divided by nm / (n + m).)
 *
 * @throws RangeError as `psi` does
 * @see Yurdakul and Naranjo (2020), J. Risk Model Validation 14(4), 89–100, doi:10.21314/JRMV.2020.227
 */
export function psiTest(reference: ArrayLike<number>, live: ArrayLike<number>, epsilon = 1e-4): PsiTest {
  const value = psi(reference, live, epsilon)
  const n = checkCounts(reference, 'reference')
  const m = checkCounts(live, 'live')
  const pooled = Array.from(reference, (count, bin) => count + (live[bin] ?? 0)).filter((count) => count > 0)
  const smallest = pooled.reduce((least, count) => Math.min(least, count), Number.POSITIVE_INFINITY)
  return {
    psi: value,
    p: chiSquareUpper(value / (1 / n + 1 / m), pooled.length - 1),
    bins: pooled.length,
    smallestExpected: (smallest * Math.min(n, m)) / (n + m),
  }
}

/**
 * The PSI that windows without drift exceed with probability `alpha`: (1/n + 1/m) · χ²(B − 1).
 *
 * @param n,m posts in the reference and in the window, > 0
 * @param bins ≥ 2
 * @param alpha between 0 and 1
 */
export function psiThreshold(n: number, m: number, bins: number, alpha: number): number {
  checkBetween(bins, 1, Number.POSITIVE_INFINITY, 'bins')
  return (1 / n + 1 / m) * chiSquareQuantile(alpha, bins - 1)
}
