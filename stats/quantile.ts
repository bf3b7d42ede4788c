import { checkBetween } from './checks.ts'

/**
 * The x at which a falling tail probability comes down to `upper`, by bisection: the threshold that belongs to a
 * significance.
 *
 * @param tail P(X > x), not increasing for x ≥ 0
 * @param upper between 0 and 1; 0 comes out when the tail is below it everywhere
 * @param limit infinity comes out when the tail is still above `upper` there
 */
export function upperQuantile(tail: (x: number) => number, upper: number, limit = 1e12): number {
  checkBetween(upper, 0, 1, 'upper')
  let high = 1
  while (tail(high) > upper) {
    high *= 2
    if (high > limit) return Number.POSITIVE_INFINITY
  }
  let low = 0
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2
    if (middle <= low || middle >= high) break
    if (tail(middle) > upper) low = middle
    else high = middle
  }
  return high
}
