import { checkSample } from './checks.ts'
import { kolmogorovUpper } from './special.ts'

export interface KsTest {
  /** Largest vertical distance of the two empirical distribution functions, 0 to 1. */
  readonly statistic: number
  /** Probability of a distance at least this large when both samples come from one distribution. */
  readonly p: number
  readonly method: 'exact' | 'asymptotic'
}

/** Path counts of the exact p above which it takes longer than 10 ms. */
const exactUpTo = 1_000_000

/**
 * Two-sample Kolmogorov–Smirnov test, two-sided.
 *
 * Exact: each order of the pooled sample is as likely as any other, so p is the share of lattice paths from (0, 0) to
 * (n, m) that somewhere leave the band |i/n − j/m| < D (Hodges 1958, Arkiv för Matematik 3, 469–486), looked at only
 * where a group of equal values ends (Schröer and Trenkler 1995, Comp. Stat. Data Anal. 20, 185–202): with ties the p of
 * other libraries, which look everywhere, is too large. Asymptotic: Kolmogorov's distribution at D √(nm / (n + m)).
 *
 * @param first,second samples, in any order; ties within and between them are allowed
 * @param method by default exact up to n · m = 10⁶, then asymptotic
 * @throws RangeError when a sample is empty or holds NaN
 */
export function ksTest(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  method: KsTest['method'] = first.length * second.length <= exactUpTo ? 'exact' : 'asymptotic',
): KsTest {
  checkSample(first, 'first')
  checkSample(second, 'second')
  const [n, m] = [first.length, second.length]
  const { distance, groupEnds } = walk(Float64Array.from(first).sort(), Float64Array.from(second).sort())
  const statistic = distance / (n * m)
  if (method === 'exact') return { statistic, p: shareOfPaths(n, m, distance, groupEnds), method }
  return { statistic, p: kolmogorovUpper(statistic * Math.sqrt((n / (n + m)) * m)), method }
}

/** n · m · D, an integer, and at which sizes of the pooled sample a group of equal values ends. */
function walk(a: Float64Array, b: Float64Array): { distance: number; groupEnds: Uint8Array } {
  const groupEnds = new Uint8Array(a.length + b.length + 1)
  let [i, j, distance] = [0, 0, 0]
  while (i < a.length || j < b.length) {
    const value = Math.min(a[i] ?? Number.POSITIVE_INFINITY, b[j] ?? Number.POSITIVE_INFINITY)
    while (a[i] === value) i++
    while (b[j] === value) j++
    groupEnds[i + j] = 1
    distance = Math.max(distance, Math.abs(i * b.length - j * a.length))
  }
  return { distance, groupEnds }
}

/**
 * Share of the paths that touch `distance` at a group's end. A random path that is at (i, j) came from (i − 1, j) with
 * probability i / (i + j), so the share that has touched is carried along; nothing is subtracted from 1, and a p of
 * 1e-100 keeps its digits.
 */
function shareOfPaths(n: number, m: number, distance: number, groupEnds: Uint8Array): number {
  const touched = new Float64Array(m + 1) // of the paths at (i, j), by j
  for (let i = 0; i <= n; i++) {
    for (let j = 0; j <= m; j++) {
      const outside = groupEnds[i + j] === 1 && Math.abs(i * m - j * n) >= distance
      const before = i + j === 0 ? 0 : ((touched[j] ?? 0) * i + (touched[j - 1] ?? 0) * j) / (i + j)
      touched[j] = outside ? 1 : before
    }
  }
  return Math.min(1, touched[m] ?? 1) // or 1 + 2e-16
}
