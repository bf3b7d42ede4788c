import { checkFinite } from './checks.ts'
import { studentUpper } from './special.ts'

/** A window against the same window of past seasons. */
export interface AgainstSeasons {
  /** What was to be expected: a count, or a share. */
  readonly expected: number
  /** How far the window is above it, in standard errors of a prediction. */
  readonly t: number
  /** Chance of a window as high as this when nothing has changed, 0 to 1. */
  readonly p: number
}

/** Past values so many spreads off their median are drawn in to there: 0.3 % of normal ones are. */
const fence = 3

/**
 * Whether a count is high against the same window of past seasons: t of one more value against n past ones, on n − 1 degrees
 * of freedom, after a transformation that gives counts the same spread at every level.
 *
 * Seasons differ beyond chance: their variance is taken as μ + αμ² (negative binomial; Poisson with α = 0), where α comes from
 * the past counts, and g(x) = (2/√α)·asinh √(α(x + ⅜)), or 2·√(x + ⅜) with α = 0, has a variance of about 1. With g of the
 * past drawn in to median ± 3·max(1.4826·MAD, 1), so that an earlier spike neither hides the next one nor raises what is
 * expected, mean ḡ and variance s²: t = (g(x) − ḡ) / √(max(1, s²)·(1 + 1/n)).
 *
 * Simulated at p ≤ 0.001 with 4, 7 and 14 seasons, means of 5 to 1,000 and seasons that differ log-normally by 0, 20 and 40 %:
 * alarms without a change 0 to 0.0015. With Poisson counts it is far below, for the price of not having to know that they are.
 *
 * @param past one count for each past season, at least 2
 * @throws RangeError with fewer, or when a count is negative or not finite
 * @see Anscombe (1948), doi:10.1093/biomet/35.3-4.246, for both transformations; Farrington et al. (1996), doi:10.2307/2983331, for
 *   the idea: counts of the same time of past years, robust against past outbreaks; Hahn and Meeker (1991), Statistical
 *   Intervals, section 4.7, for the interval of one more value
 */
export function countAgainstSeasons(count: number, past: readonly number[]): AgainstSeasons {
  const n = past.length
  checkPast([count, ...past], n)
  const level = meanAndVariance(drawnIn(past.map(stabilisedPoisson), 1))
  const extra = Math.max(0, level.variance - 1) / Math.max(1, (level.mean / 2) ** 2)
  const scale = 2 * Math.sqrt(extra)
  const stabilised = (x: number) =>
    extra < 1e-6 ? stabilisedPoisson(x) : (4 / scale) * Math.asinh(Math.sqrt(extra * (x + 3 / 8)))
  const back = (g: number) => (extra < 1e-6 ? (g / 2) ** 2 : Math.sinh((g * scale) / 4) ** 2 / extra) - 3 / 8
  const { mean, variance } = meanAndVariance(drawnIn(past.map(stabilised), 1))
  const t = (stabilised(count) - mean) / Math.sqrt(Math.max(1, variance) * (1 + 1 / n))
  return { expected: Math.max(0, back(mean)), t, p: studentUpper(t, n - 1) }
}

const stabilisedPoisson = (x: number): number => 2 * Math.sqrt(x + 3 / 8)

/** `of` posts of `posts`, 0 ≤ of ≤ posts, posts > 0. */
export interface Part {
  readonly of: number
  readonly posts: number
}

/**
 * Whether a share is high against the same window of past seasons. On the scale u = 2·asin √((k + ⅜)/(m + ¾)), where a binomial
 * share has the variance v = 1/(m + ½): with the past drawn in to median ± 3·max(1.4826·MAD, √v̄), mean ū and variance s²,
 * σ² = max(0, s² − v̄) is how much seasons differ beyond chance, and t = (u − ū) / √(σ²(1 + 1/n) + v + v̄/n), on n − 1 degrees of
 * freedom.
 *
 * @param past one share for each past season, at least 2
 * @throws RangeError with fewer, or when a number is negative or not finite
 * @see Anscombe (1948), doi:10.1093/biomet/35.3-4.246
 */
export function shareAgainstSeasons(live: Part, past: readonly Part[]): AgainstSeasons {
  const n = past.length
  checkPast(
    [live, ...past].flatMap(({ of, posts }) => [of, posts - of]),
    n,
  )
  const stabilised = ({ of, posts }: Part) => 2 * Math.asin(Math.sqrt((of + 3 / 8) / (posts + 3 / 4)))
  const byChance = ({ posts }: Part) => 1 / (posts + 1 / 2)
  const chance = past.reduce((sum, part) => sum + byChance(part), 0) / n
  const { mean, variance } = meanAndVariance(drawnIn(past.map(stabilised), chance))
  const beyond = Math.max(0, variance - chance)
  const t = (stabilised(live) - mean) / Math.sqrt(beyond * (1 + 1 / n) + byChance(live) + chance / n)
  return { expected: Math.sin(mean / 2) ** 2, t, p: studentUpper(t, n - 1) }
}

function checkPast(values: readonly number[], n: number): void {
  if (n < 2) throw new RangeError(`${n} past seasons; at least 2 are needed`)
  checkFinite(values, 'seasons')
  if (values.some((value) => value < 0)) throw new RangeError('a count of a season is negative')
}

/** @param chance the variance that values have by chance alone: closer together than that is luck */
function drawnIn(values: readonly number[], chance: number): readonly number[] {
  const middle = median(values)
  const spread = 1.4826 * median(values.map((value) => Math.abs(value - middle)))
  const reach = fence * Math.max(spread, Math.sqrt(chance))
  return values.map((value) => Math.min(middle + reach, Math.max(middle - reach, value)))
}

function meanAndVariance(values: readonly number[]) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, variance: squares / (values.length - 1) }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length / 2
  return ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2
}
