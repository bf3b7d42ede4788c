import { checkCounts, checkSameLength } from './checks.ts'

/**
 * How much more than by chance neighbouring blocks of a stream differ: 1 when posts are independent, larger when topics come
 * in bursts, people quote each other, and nights differ from days. Variances are multiplied by it, or, put the other way, a
 * block of n posts tells as much as n / factor independent ones.
 */
export interface Dispersion {
  /** ≥ 1: what comes out below is chance. */
  readonly factor: number
  /** Degrees of freedom behind it: an estimate from few blocks is uncertain. */
  readonly df: number
  /**
   * Denominator of the F by which a window is judged, > 4: `df`, or fewer when single blocks stray further than those of a
   * normal distribution do, as where a crowd repeats one post for a while.
   */
  readonly tailDf: number
  /** Posts of a block, on average. */
  readonly blockPosts: number
}

/**
 * Of counts: Pearson's X² of the blocks against their sum, divided by its degrees of freedom (the design effect of Rao and
 * Scott 1981, doi:10.1080/01621459.1981.10477633; the quasi-likelihood of McCullagh and Nelder 1989, 4.5).
 *
 * @param blocks [blocks][categories], at least two with posts
 */
export function dispersionOfCounts(blocks: readonly ArrayLike<number>[]): Dispersion {
  const used = blocks.filter((block) => Array.from(block).some((count) => count > 0))
  const sums = Array.from(used[0] ?? [], () => 0)
  for (const block of used) {
    checkSameLength(sums, block, 'blocks')
    sums.forEach((sum, at) => {
      sums[at] = sum + (block[at] ?? 0)
    })
  }
  const total = checkCounts(sums, 'blocks')
  const each = used.map((block) => {
    const size = Array.from(block).reduce((sum, count) => sum + count, 0)
    return sums.reduce((statistic, sum, at) => {
      const expected = (sum / total) * size
      return expected > 0 ? statistic + ((block[at] ?? 0) - expected) ** 2 / expected : statistic
    }, 0)
  })
  const perBlock = sums.filter((sum) => sum > 0).length - 1
  const df = (used.length - 1) * perBlock
  const factor = df === 0 ? 1 : Math.max(1, each.reduce((sum, one) => sum + one, 0) / df)
  return { factor, df, tailDf: Math.min(df, tailOf(each, perBlock)), blockPosts: total / Math.max(1, used.length) }
}

/**
 * The ν for which values like these would be F(d, ν), up to a factor: var / mean² of that is 2 (d + ν − 2) / (d (ν − 4)), and
 * 2 / d for ν = ∞. What chance adds to the ratio of a few blocks is taken off, one standard deviation of it.
 */
export function tailOf(each: readonly number[], d: number): number {
  const mean = each.reduce((sum, one) => sum + one, 0) / each.length
  if (d <= 0 || each.length < 3 || mean === 0) return Number.POSITIVE_INFINITY
  const variance = each.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (each.length - 1)
  const chance = (2 / d) * Math.sqrt((2 + 4 / d) / each.length)
  const excess = d * (variance / mean ** 2 - chance) - 2
  return excess <= 0 ? Number.POSITIVE_INFINITY : 4 + (2 * d + 4) / excess
}

/**
 * The factor of blocks of a window's length, known as well as short blocks can tell it: where it does not grow from short
 * blocks to long ones by more than chance, neighbours have nothing in common that outlasts a short block, and the many short
 * ones say how sure the estimate is. Where it grows, only the long ones count.
 */
export function dispersionOfScales(short: Dispersion, long: Dispersion): Dispersion {
  const chance = 1 + 1.645 * Math.sqrt(2 / Math.max(1, long.df))
  if (long.factor > short.factor * chance) return long
  return { ...long, factor: Math.max(short.factor, long.factor), tailDf: Math.max(long.tailDf, short.tailDf) }
}

/** What blocks hold of a ratio Σ numerator / Σ denominator over posts; a mean when every denominator is 1. */
export interface RatioSums {
  readonly posts: number
  readonly numerator: number
  readonly denominator: number
  /** Σ over posts of numerator², numerator · denominator and denominator². */
  readonly squares: readonly [number, number, number]
}

export const addRatioSums = (first: RatioSums, second: RatioSums): RatioSums => ({
  posts: first.posts + second.posts,
  numerator: first.numerator + second.numerator,
  denominator: first.denominator + second.denominator,
  squares: [
    first.squares[0] + second.squares[0],
    first.squares[1] + second.squares[1],
    first.squares[2] + second.squares[2],
  ],
})

export const noRatioSums: RatioSums = { posts: 0, numerator: 0, denominator: 0, squares: [0, 0, 0] }

/** Σ over posts of (numerator − ratio · denominator)², from the sums. */
export const residualSquares = ({ squares: [nn, nd, dd] }: RatioSums, ratio: number): number =>
  Math.max(0, nn - 2 * ratio * nd + ratio * ratio * dd)

/**
 * Of a ratio: the squared deviations of the blocks' sums from the ratio of all, against those of the single posts
 * (linearisation; Cochran 1977, Sampling Techniques, 6.3 and 9A).
 */
export function dispersionOfRatio(blocks: readonly RatioSums[]): Dispersion {
  const used = blocks.filter(({ denominator }) => denominator > 0)
  const all = used.reduce(addRatioSums, noRatioSums)
  const ratio = all.denominator > 0 ? all.numerator / all.denominator : 0
  const within = residualSquares(all, ratio)
  const each = used.map((block) => (block.numerator - ratio * block.denominator) ** 2)
  const between = each.reduce((sum, one) => sum + one, 0)
  const df = Math.max(0, used.length - 1)
  const factor = df === 0 || within === 0 ? 1 : (between / df / within) * used.length
  return {
    factor: Math.max(1, factor),
    df,
    tailDf: Math.min(df, tailOf(each, 1)),
    blockPosts: all.posts / Math.max(1, used.length),
  }
}

/**
 * The factor for a window of `posts`. What varies slowly does not average out in a longer window, so for one that is longer
 * than the blocks the surely known part of the excess grows with the length (as in the beta-binomial, where the factor is
 * 1 + (n − 1) ρ); for a shorter one the block's own factor is kept, which is too large rather than too small.
 */
export function dispersionAt({ factor, df, blockPosts }: Dispersion, posts: number): number {
  if (posts <= blockPosts || df === 0 || blockPosts === 0) return factor
  const chance = 1 + 1.645 * Math.sqrt(2 / df) // what 95 % of independent streams stay below
  const sure = Math.max(1, factor / chance)
  return Math.max(factor, 1 + ((sure - 1) * posts) / blockPosts)
}
