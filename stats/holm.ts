import { checkFinite } from './checks.ts'

/**
 * Holm adjusted p-values: with p₍₁₎ ≤ … ≤ p₍ₙ₎, the largest of (n − j + 1) · p₍ⱼ₎ over j ≤ i. Some adjusted value is at
 * most α in at most a share α of families without an effect, however the tests depend on each other (Holm 1979, Scand. J.
 * Statist. 6, 65–70).
 *
 * @param p in any order, 0 to 1; none is fine
 * @returns in the order of `p`, 0 to 1
 * @throws RangeError when a p is NaN or outside 0 to 1
 */
export function holm(p: readonly number[]): readonly number[] {
  checkFinite(p, 'p')
  const ascending = p.map((value, at) => {
    if (value < 0 || value > 1) throw new RangeError(`p[${at}] is ${value}, not between 0 and 1`)
    return { value, at }
  })
  ascending.sort((a, b) => a.value - b.value)
  const adjusted = p.map(() => 1)
  let largest = 0
  ascending.forEach(({ value, at }, before) => {
    largest = Math.max(largest, Math.min(1, value * (p.length - before)))
    adjusted[at] = largest
  })
  return adjusted
}
