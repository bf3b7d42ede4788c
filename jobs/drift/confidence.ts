import { type Random, seededRandom } from '../../core/random.ts'
import { dispersionAt, dispersionOfRatio, dispersionOfScales, type RatioSums } from '../../stats/dispersion.ts'
import { equalMassEdges, rebin } from '../../stats/histogram.ts'
import { jensenShannon } from '../../stats/jensen-shannon.ts'
import { psi } from '../../stats/psi.ts'
import { upperQuantile } from '../../stats/quantile.ts'
import { fUpper, gammaUpper, kolmogorovUpper } from '../../stats/special.ts'
import { wassersteinOfCounts } from '../../stats/wasserstein.ts'
import { compareCounts } from './compare-counts.ts'
import { grouped, type Outcome, percent } from './outcome.ts'
import { confidenceEdges, joinBlocks, type Summary, sumOf } from './summary.ts'

const middles = confidenceEdges.slice(1).map((edge, bin) => (edge + (confidenceEdges[bin] ?? 0)) / 2)

/** Bins of the tests on shares; fewer in windows too small to fill them. */
const mostBins = 10
const postsPerBin = 20

/**
 * The distribution of confidence. PSI over equally filled bins finds any change of shape, Kolmogorov–Smirnov small shifts
 * of all of it; Jensen–Shannon and Wasserstein are shown beside them.
 *
 * @param full KS decides as well (a segment is judged by PSI alone, which spares it half of its share of the budget)
 */
export function confidenceOutcomes(
  segment: string,
  blocks: readonly Summary[],
  live: Summary,
  joined: number,
  smallestEffect: number,
  full: boolean,
): Outcome[] {
  const before = sumOf(blocks)
  const fine = { edges: confidenceEdges, counts: before.confidence }
  const bins = Math.max(2, Math.min(mostBins, Math.floor(live.posts / postsPerBin)))
  const edges = equalMassEdges(fine, bins)
  const coarse = (summary: Summary) => rebin({ edges: confidenceEdges, counts: summary.confidence }, edges).counts
  const compared = compareCounts(blocks.map(coarse), coarse(live), joined)
  const { df, scale, dispersion } = compared
  const tail = (x: number) => (df === 0 ? 1 : fUpper(x / scale / df, df, Math.max(dispersion.tailDf, 1)))
  const common = { segment, about: 'posts' as const, smallestEffect, referenceRows: before.posts, liveRows: live.posts }
  const meanOf = ({ confidence }: Summary) => sumsOfBins(confidence)
  const [was, is] = [ratio(meanOf(before)), ratio(meanOf(live))]
  const about = `mean confidence ${percent(was)} → ${percent(is)} over ${grouped(live.posts)} posts`

  const value = psi(compared.reference, compared.live)
  const shownPsi: Outcome = {
    ...common,
    statistic: 'confidence.psi',
    value,
    p: tail(value),
    effect: compared.totalVariation,
    thresholdAt: (alpha) => upperQuantile(tail, alpha),
    decides: true,
    sentence: `confidence has another shape (PSI ${value.toFixed(3)}, ${percent(compared.totalVariation)} of the posts moved; ${about})`,
  }
  const divergence = jensenShannon(before.confidence, live.confidence)
  const occupied = before.confidence.filter((count, bin) => count + (live.confidence[bin] ?? 0) > 0).length
  const fineDf = Math.max(1, occupied - 1)
  const shareTail = (x: number) => fUpper((8 * x) / scale / fineDf, fineDf, Math.max(dispersion.tailDf, 1))
  const shown: Outcome[] = [
    {
      ...common,
      statistic: 'confidence.js',
      value: divergence,
      p: shareTail(divergence),
      effect: compared.totalVariation,
      thresholdAt: (alpha) => upperQuantile(shareTail, alpha),
      decides: false,
      sentence: `Jensen–Shannon divergence of confidence ${divergence.toFixed(4)} nats`,
    },
    earthMover(common, before, live, scale, compared.totalVariation),
  ]
  return [shownPsi, ks(common, blocks, live, joined, compared.dispersion.factor, full, about), ...shown]
}

type Common = Pick<Outcome, 'segment' | 'about' | 'smallestEffect' | 'referenceRows' | 'liveRows'>

/**
 * Kolmogorov–Smirnov over the fine bins, whose effect is the distance itself. Sample sizes are divided by the dispersion
 * (of the shares or of the mean, whichever is larger), and because that is estimated the tail 2 exp(−2x²) becomes
 * 2 (1 + 4x²/ν)^(−ν/2), its mean over the estimate's spread.
 */
function ks(
  common: Common,
  blocks: readonly Summary[],
  live: Summary,
  joined: number,
  factor: number,
  full: boolean,
  about: string,
): Outcome {
  const before = sumOf(blocks)
  const meansOf = (all: readonly Summary[]) => dispersionOfRatio(all.map(({ confidence }) => sumsOfBins(confidence)))
  const ofMean = dispersionOfScales(meansOf(blocks), meansOf(joinBlocks(blocks, joined)))
  const worse = { ...ofMean, factor: Math.max(factor, ofMean.factor) }
  const scale = worse.factor / before.posts + dispersionAt(worse, live.posts) / live.posts
  const df = Math.max(1, ofMean.tailDf)
  const tail = (distance: number): number => {
    const x2 = distance ** 2 / scale
    return Math.min(1, Math.max(kolmogorovUpper(Math.sqrt(x2)), 2 * (1 + (4 * x2) / df) ** (-df / 2)))
  }
  const distance = largestGap(before.confidence, live.confidence)
  return {
    ...common,
    statistic: 'confidence.ks',
    value: distance,
    p: tail(distance),
    effect: distance,
    thresholdAt: (alpha) => upperQuantile(tail, alpha),
    decides: full,
    sentence: `confidence moved (largest gap of the distributions ${percent(distance)}; ${about})`,
  }
}

/** Wasserstein-1, its null by Gaussian bridges over the pooled shares and a gamma tail of the same mean and variance. */
function earthMover(common: Common, before: Summary, live: Summary, scale: number, effect: number): Outcome {
  const value = wassersteinOfCounts(middles, before.confidence, live.confidence)
  const pooled = before.confidence.map((count, bin) => count + (live.confidence[bin] ?? 0))
  const { mean, variance } = bridges(pooled, Math.sqrt(scale), seededRandom(7))
  const tail = (x: number) =>
    variance === 0 ? (x > 0 ? 0 : 1) : gammaUpper(mean ** 2 / variance, (x * mean) / variance)
  return {
    ...common,
    statistic: 'confidence.wasserstein',
    value,
    p: tail(value),
    effect,
    thresholdAt: (alpha) => (variance === 0 ? 0 : upperQuantile(tail, alpha)),
    decides: false,
    sentence: `confidence moved by ${value.toFixed(4)} on average (Wasserstein)`,
  }
}

function bridges(counts: readonly number[], deviation: number, random: Random, draws = 200) {
  const total = counts.reduce((sum, count) => sum + count, 0)
  let [sum, squares] = [0, 0]
  for (let draw = 0; draw < draws; draw++) {
    const noise = counts.map((count) => gauss(random) * Math.sqrt(count / total))
    const drift = noise.reduce((all, one) => all + one, 0)
    let [below, distance] = [0, 0]
    noise.forEach((one, bin) => {
      below += one - (drift * (counts[bin] ?? 0)) / total
      distance +=
        Math.abs(below) * ((middles[bin + 1] ?? 0) - (middles[bin] ?? 0) || 0) * (bin + 1 < counts.length ? 1 : 0)
    })
    const value = distance * deviation
    sum += value
    squares += value * value
  }
  const mean = sum / draws
  return { mean, variance: Math.max(0, squares / draws - mean * mean) }
}

const gauss = (random: Random): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

function largestGap(first: readonly number[], second: readonly number[]): number {
  const [n, m] = [first, second].map((counts) => counts.reduce((sum, count) => sum + count, 0)) as [number, number]
  let [below, belowToo, gap] = [0, 0, 0]
  first.forEach((count, bin) => {
    below += count / n
    belowToo += (second[bin] ?? 0) / m
    gap = Math.max(gap, Math.abs(below - belowToo))
  })
  return gap
}

function sumsOfBins(counts: readonly number[]): RatioSums {
  let [posts, sum, squares] = [0, 0, 0]
  counts.forEach((count, bin) => {
    const middle = middles[bin] ?? 0
    posts += count
    sum += count * middle
    squares += count * middle * middle
  })
  return { posts, numerator: sum, denominator: posts, squares: [squares, sum, posts] }
}

const ratio = ({ numerator, denominator }: RatioSums): number => (denominator === 0 ? 0 : numerator / denominator)
