import {
  addRatioSums,
  type Dispersion,
  dispersionAt,
  dispersionOfRatio,
  dispersionOfScales,
  noRatioSums,
  type RatioSums,
  residualSquares,
} from '../../stats/dispersion.ts'
import { upperQuantile } from '../../stats/quantile.ts'
import { fUpper, studentUpper } from '../../stats/special.ts'

/** A window's ratio or mean against that of the baseline's blocks. */
export interface RatioCompared {
  readonly reference: number
  readonly live: number
  /** Standard error of their difference. */
  readonly error: number
  readonly p: number
  /** The distance (or, one-sided, the fall) whose p is alpha. */
  distanceAt(alpha: number): number
  readonly dispersion: Dispersion
}

/**
 * @param joined so many neighbouring blocks are about as long as the window
 * @param side `both`: any difference counts; `below`, `above`: only a live value on that side of the reference's
 * @returns `undefined` where either side holds nothing to divide by
 */
export function compareRatio(
  blocks: readonly RatioSums[],
  live: RatioSums,
  joined: number,
  side: 'both' | 'below' | 'above' = 'both',
): RatioCompared | undefined {
  const all = blocks.reduce(addRatioSums, noRatioSums)
  if (all.denominator === 0 || live.denominator === 0) return undefined
  const [before, now] = [all.numerator / all.denominator, live.numerator / live.denominator]
  const long = Array.from({ length: Math.ceil(blocks.length / joined) }, (_, at) =>
    blocks.slice(at * joined, (at + 1) * joined).reduce(addRatioSums, noRatioSums),
  )
  const dispersion = dispersionOfScales(dispersionOfRatio(blocks), dispersionOfRatio(long))
  // Without a change both have the pooled spread: that of a small window alone can be 0 by chance.
  const pooled = addRatioSums(all, live)
  const perPost = residualSquares(pooled, pooled.numerator / pooled.denominator) / pooled.posts
  const error = Math.sqrt(
    perPost *
      ((dispersion.factor * all.posts) / all.denominator ** 2 +
        (dispersionAt(dispersion, live.posts) * live.posts) / live.denominator ** 2),
  )
  const df = Math.max(dispersion.tailDf, 1)
  const tail = (distance: number): number => {
    if (error === 0) return distance > 0 ? 0 : 1
    const t = distance / error
    return side === 'both' ? fUpper(t * t, 1, df) : studentUpper(t, df)
  }
  const distance = side === 'both' ? Math.abs(now - before) : side === 'below' ? before - now : now - before
  return {
    reference: before,
    live: now,
    error,
    p: Math.min(1, tail(distance)),
    distanceAt: (alpha) => (error === 0 ? 0 : upperQuantile(tail, alpha)),
    dispersion,
  }
}

/** Sums of a mean of values. */
export function meanSums(values: ArrayLike<number>): RatioSums {
  let [sum, squares] = [0, 0]
  for (let at = 0; at < values.length; at++) {
    const value = values[at] ?? 0
    sum += value
    squares += value * value
  }
  return { posts: values.length, numerator: sum, denominator: values.length, squares: [squares, sum, values.length] }
}
