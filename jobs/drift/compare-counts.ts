import { type Dispersion, dispersionAt, dispersionOfCounts, dispersionOfScales } from '../../stats/dispersion.ts'
import { hypergeometricUpper } from '../../stats/hypergeometric.ts'
import { upperQuantile } from '../../stats/quantile.ts'
import { fUpper } from '../../stats/special.ts'
import type { Counts } from './summary.ts'

/** A window's counts against those of the baseline's blocks. */
export interface CountsCompared {
  /** X² of the two rows of counts, with variances raised by the dispersion. */
  readonly statistic: number
  readonly df: number
  /** Of the statistic, and of a category too rare for it; the smaller of both, twice. */
  readonly p: number
  /** The statistic whose p is alpha. */
  thresholdAt(alpha: number): number
  /** Half of Σ |share − share|: the part of the posts that would have to move. 0 to 1. */
  readonly totalVariation: number
  /** Variance of a difference of two shares, in units of p (1 − p). */
  readonly scale: number
  readonly dispersion: Dispersion
  /** The same counts with rare categories joined, reference and live: what distances are computed of. */
  readonly reference: readonly number[]
  readonly live: readonly number[]
}

/** Expected posts in the window below which χ² cannot be trusted, and a category is joined with the other rare ones. */
const fewest = 5

/**
 * Tests whether a window is one more block of the stream that the baseline's blocks come from. Shares are compared by
 * Pearson's X², whose variance takes the dispersion that the blocks themselves show, and whose tail is that of F because
 * the dispersion is estimated from so many blocks only. Categories with too few posts for that are joined, and what is new
 * among them is counted exactly.
 *
 * @param short [blocks][categories] of the baseline
 * @param live [categories], at least one post
 * @param joined so many neighbouring blocks are about as long as the window
 */
export function compareCounts(
  short: readonly (readonly number[])[],
  live: readonly number[],
  joined = 1,
): CountsCompared {
  const blocks = joinCounts(short, joined)
  const sums = live.map((_, at) => blocks.reduce((sum, block) => sum + (block[at] ?? 0), 0))
  const [n, m] = [total(sums), total(live)]
  const isRare = sums.map((count, at) => ((count + (live[at] ?? 0)) * Math.min(n, m)) / (n + m) < fewest)
  const kept = isRare.flatMap((rare, at) => (rare ? [] : [at]))
  const rare = isRare.flatMap((yes, at) => (yes ? [at] : []))
  const lumped = (counts: readonly number[]) => [
    ...kept.map((at) => counts[at] ?? 0),
    ...(rare.length > 0 ? [rare.reduce((sum, at) => sum + (counts[at] ?? 0), 0)] : []),
  ]
  const [reference, now] = [lumped(sums), lumped(live)]
  const lump = rare.length > 0 ? reference.length - 1 : -1
  const lumpIsThin = lump >= 0 && (((reference[lump] ?? 0) + (now[lump] ?? 0)) * Math.min(n, m)) / (n + m) < fewest
  const counted = lumpIsThin ? reference.map((_, at) => at).filter((at) => at !== lump) : reference.map((_, at) => at)
  const dispersionOf = (all: readonly (readonly number[])[]) =>
    dispersionOfCounts(all.map((block) => pick(lumped(block), counted)))
  const dispersion = dispersionOfScales(dispersionOf(short), dispersionOf(blocks))
  const scale = dispersion.factor / n + dispersionAt(dispersion, m) / m
  let statistic = 0
  for (const at of counted) {
    const pooled = ((reference[at] ?? 0) + (now[at] ?? 0)) / (n + m)
    if (pooled > 0) statistic += ((now[at] ?? 0) / m - (reference[at] ?? 0) / n) ** 2 / (pooled * scale)
  }
  const occupied = counted.filter((at) => (reference[at] ?? 0) + (now[at] ?? 0) > 0).length
  const df = Math.max(0, occupied - (lumpIsThin ? 0 : 1))
  const tail = (value: number) => (df === 0 ? 1 : fUpper(value / df, df, Math.max(dispersion.tailDf, 1)))
  const rareP = lumpIsThin ? rareTail(blocks.map(lumped), lump, now[lump] ?? 0, reference[lump] ?? 0, n, m) : 1
  const tests = lumpIsThin ? 2 : 1
  const differences = live.map((count, at) => Math.abs(count / m - (sums[at] ?? 0) / n))
  return {
    statistic,
    df,
    p: Math.min(1, tests * Math.min(tail(statistic), rareP)),
    thresholdAt: (alpha) => (df === 0 ? Number.POSITIVE_INFINITY : upperQuantile(tail, alpha / tests)),
    totalVariation: total(differences) / 2,
    scale,
    dispersion,
    reference,
    live: now,
  }
}

const joinCounts = (blocks: readonly (readonly number[])[], joined: number): readonly (readonly number[])[] =>
  joined === 1
    ? blocks
    : Array.from({ length: Math.ceil(blocks.length / joined) }, (_, at) => {
        const part = blocks.slice(at * joined, (at + 1) * joined)
        return (part[0] ?? []).map((_count, bin) => part.reduce((sum, block) => sum + (block[bin] ?? 0), 0))
      })

/** More posts of rare categories than chance gives; bursts among them count as one post less often. */
function rareTail(
  blocks: readonly (readonly number[])[],
  lump: number,
  live: number,
  reference: number,
  n: number,
  m: number,
): number {
  const { factor } =
    reference > 0
      ? dispersionOfCounts(blocks.map((block) => [block[lump] ?? 0, total(block) - (block[lump] ?? 0)]))
      : { factor: 1 }
  const counted = Math.ceil(live / factor)
  return hypergeometricUpper(counted, counted + Math.round(reference / factor), m, n + m)
}

/** The same categories in the same order for all of them. */
export function aligned(all: readonly Counts[]): { readonly names: readonly string[]; readonly rows: number[][] } {
  const names = [...new Set(all.flatMap((counts) => Object.keys(counts)))].sort()
  return { names, rows: all.map((counts) => names.map((name) => counts[name] ?? 0)) }
}

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)
const pick = (counts: readonly number[], at: readonly number[]): number[] => at.map((index) => counts[index] ?? 0)
