import { checkBetween } from './checks.ts'
import { twoSidedZ } from './special.ts'

/** Bounds of an interval. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/**
 * Wilson's score interval of a share: (p̂ + z²/2n ± z √(p̂(1 − p̂)/n + z²/4n²)) / (1 + z²/n). It stays within 0 to 1 and has a
 * width at 0 and n successes, where p̂ ± z·se has none.
 *
 * @param successes 0 to n
 * @param n ≥ 0; nothing is known of 0 trials, so they give 0 to 1
 * @param level between 0 and 1
 * @throws RangeError when successes are not between 0 and n
 * @see Wilson (1927), doi:10.1080/01621459.1927.10502953
 */
export function wilson(successes: number, n: number, level = 0.95): Interval {
  checkBetween(level, 0, 1, 'level')
  if (!(successes >= 0 && successes <= n)) throw new RangeError(`${successes} successes of ${n}`)
  if (n === 0) return { low: 0, high: 1 }
  const z2 = twoSidedZ(level) ** 2
  const share = successes / n
  const middle = share + z2 / (2 * n)
  const half = Math.sqrt(z2) * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n * n))
  return {
    low: successes === 0 ? 0 : (middle - half) / (1 + z2 / n),
    high: successes === n ? 1 : (middle + half) / (1 + z2 / n),
  }
}
