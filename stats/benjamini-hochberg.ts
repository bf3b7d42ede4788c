import { checkFinite } from './checks.ts'

/**
 * Benjamini–Hochberg adjusted p-values: with p₍₁₎ ≤ … ≤ p₍ₙ₎, the smallest of n · p₍ⱼ₎ / j over j ≥ i. Alarms where the
 * adjusted value is at most q have an expected share of false ones of at most q, for independent or positively dependent
 * tests (Benjamini and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x).
 *
 * @param p in any order, 0 to 1; none is fine
 * @returns in the order of `p`, 0 to 1
 * @throws RangeError when a p is NaN or outside 0 to 1
 */
export function benjaminiHochberg(p: readonly number[]): readonly number[] {
  checkFinite(p, 'p')
  const descending = p.map((value, at) => {
    if (value < 0 || value > 1) throw new RangeError(`p[${at}] is ${value}, not between 0 and 1`)
    return { value, at }
  })
  descending.sort((a, b) => b.value - a.value)
  const adjusted = p.map(() => 1)
  let smallest = 1
  descending.forEach(({ value, at }, fromTop) => {
    smallest = Math.min(smallest, (value * p.length) / (p.length - fromTop))
    adjusted[at] = smallest
  })
  return adjusted
}
