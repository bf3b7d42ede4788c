import type { Random } from '../core/random.ts'
import { checkBetween } from './checks.ts'
import type { Interval } from './wilson.ts'

export interface BootstrapOptions {
  /** Resamples. 2,000 move a 95 % bound by about 3 % of the interval's width from seed to seed. */
  readonly draws?: number
  /** Coverage, 0.95 by default. */
  readonly level?: number
}

/**
 * Percentile bootstrap interval of any statistic of rows (Efron 1979, doi:10.1214/aos/1176344552): the statistic of `draws`
 * resamples with replacement, cut at (1 ± level) / 2. Too narrow below about 30 rows.
 *
 * @param rows how many there are, ≥ 1
 * @param statistic of the rows with these indices, [rows]; the array is reused between calls
 * @throws RangeError when there are no rows, or the statistic of a resample is NaN
 */
export function bootstrapInterval(
  rows: number,
  statistic: (indices: Int32Array) => number,
  random: Random,
  { draws = 2000, level = 0.95 }: BootstrapOptions = {},
): Interval {
  return percentiles(resampled(rows, statistic, random, draws), level)
}

export interface PairedBootstrap extends Interval {
  /** The statistic of all rows, each once. */
  readonly difference: number
  /** Two-sided: twice the smaller share of resamples on the other side of 0, (1 + count) / (1 + draws), at most 1. */
  readonly p: number
}

/**
 * Two classifiers on the same posts, by any measure: the same resampled rows go to both, so that what the posts have in
 * common cancels.
 *
 * @param difference measure of the second minus measure of the first on the rows with these indices
 * @throws RangeError as `bootstrapInterval` does
 * @see Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 13 and 16
 */
export function pairedBootstrap(
  rows: number,
  difference: (indices: Int32Array) => number,
  random: Random,
  { draws = 2000, level = 0.95 }: BootstrapOptions = {},
): PairedBootstrap {
  const sorted = resampled(rows, difference, random, draws)
  const notAbove = sorted.filter((value) => value <= 0).length
  const notBelow = sorted.filter((value) => value >= 0).length
  return {
    difference: difference(Int32Array.from({ length: rows }, (_, row) => row)),
    p: Math.min(1, (2 * (1 + Math.min(notAbove, notBelow))) / (1 + draws)),
    ...percentiles(sorted, level),
  }
}

/** The statistic of each resample, ascending. */
function resampled(
  rows: number,
  statistic: (indices: Int32Array) => number,
  random: Random,
  draws: number,
): Float64Array {
  checkBetween(rows, 0, Number.POSITIVE_INFINITY, 'rows')
  const indices = new Int32Array(rows)
  const values = new Float64Array(draws)
  for (let draw = 0; draw < draws; draw++) {
    for (let at = 0; at < rows; at++) indices[at] = Math.floor(random() * rows)
    const value = statistic(indices)
    if (Number.isNaN(value)) throw new RangeError('the statistic of a resample is NaN')
    values[draw] = value
  }
  return values.sort()
}

/** Quantiles (1 ± level) / 2, linear between neighbours. */
function percentiles(sorted: Float64Array, level: number): Interval {
  checkBetween(level, 0, 1, 'level')
  const quantile = (share: number): number => {
    const at = share * (sorted.length - 1)
    const [below = 0, above = below] = sorted.subarray(Math.floor(at), Math.floor(at) + 2)
    return below + (above - below) * (at - Math.floor(at))
  }
  return { low: quantile((1 - level) / 2), high: quantile((1 + level) / 2) }
}
