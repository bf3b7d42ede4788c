import type { Dispersion } from '../../stats/dispersion.ts'
import { jensenShannon } from '../../stats/jensen-shannon.ts'
import { psi } from '../../stats/psi.ts'
import { upperQuantile } from '../../stats/quantile.ts'
import { fUpper } from '../../stats/special.ts'
import { aligned, compareCounts } from './compare-counts.ts'
import { compareRatio, meanSums } from './compare-ratio.ts'
import { confidenceOutcomes } from './confidence.ts'
import { wordsOutcome } from './domain-classifier.ts'
import { expectedRight, labelledOutcomes } from './labelled.ts'
import { newWordsOutcome } from './new-words.ts'
import { grouped, type Outcome, percent } from './outcome.ts'
import type { Live, Reference } from './reference.ts'
import { blocksOf, byBlock, type Counts, type Summary, sumOf } from './summary.ts'

/** What is too small to matter, however sure it is. */
export interface SmallestEffects {
  /** Share of the posts that would have to move: confidence, classes, sources, languages. */
  readonly share: number
  /** Fall of the accuracy, estimated or measured. */
  readonly accuracy: number
  /** Of unknown tokens among the tokens. */
  readonly unknown: number
  /** Of words that the baseline does not hold, among all. */
  readonly newWords: number
  /** Area under the curve above that of neighbouring parts of the baseline. */
  readonly words: number
}

/**
 * Every statistic of a window against the reference. Nothing is judged here: that takes all of them together.
 *
 * Which ones decide, and why these: confidence and classes are what the model shows, unknown tokens, words, sources and
 * languages what the posts show, estimated and measured accuracy what matters. Of several distances between the same two
 * distributions one decides, because each that does costs all others a part of the budget.
 */
export function compare(reference: Reference, live: Live, smallest: SmallestEffects): readonly Outcome[] {
  const { outcomes, dispersion, posts } = comparePosts(reference, live, smallest)
  const labelled = labelledOutcomes(live.labelled, {
    reference: reference.measured,
    calibrator: reference.calibrator,
    dispersion: dispersion ?? { factor: 1, df: 1, tailDf: 1, blockPosts: 1 },
    posts,
    smallestEffect: smallest.accuracy,
  })
  return outcomes.length === 0 ? [] : [...outcomes, ...labelled]
}

interface PostsCompared {
  readonly outcomes: readonly Outcome[]
  /** How much more than by chance the promised accuracy varies from block to block. */
  readonly dispersion: Dispersion | undefined
  /** Of the window. */
  readonly posts: number
}

/** What posts and scores alone say. */
export function comparePosts(reference: Reference, live: Live, smallest: SmallestEffects): PostsCompared {
  const [blocks, window] = [reference.segments.get('') ?? [], live.segments.get('')]
  if (window === undefined || window.posts === 0 || blocks.length < 2) {
    return { outcomes: [], dispersion: undefined, posts: 0 }
  }
  const joined = blocksOf(blocks, window.posts)
  const rows = { referenceRows: sumOf(blocks).posts, liveRows: window.posts }
  const estimated = estimatedOutcome(reference, live, joined, smallest.accuracy)
  const outcomes = [
    ...segmentOutcomes('', blocks, window, joined, smallest, true),
    ...countsOutcomes('', 'source', blocks, window, joined, ({ sources }) => sources, smallest.share),
    ...countsOutcomes('', 'lang', blocks, window, joined, ({ languages }) => languages, smallest.share),
    ...defined(
      wordsOutcome(reference.sample, live.sample, reference.wordsNull(live.sample.length), smallest.words, rows),
    ),
    ...defined(newWordsOutcome(reference, live, joined, smallest.newWords)),
    ...defined(estimated?.outcome),
    ...[...live.segments].flatMap(([segment, summary]) => {
      const before = reference.segments.get(segment)
      return segment === '' || before === undefined
        ? []
        : segmentOutcomes(segment, before, summary, joined, smallest, false)
    }),
  ]
  return { outcomes, dispersion: estimated?.dispersion, posts: window.posts }
}

function segmentOutcomes(
  segment: string,
  blocks: readonly Summary[],
  live: Summary,
  joined: number,
  smallest: SmallestEffects,
  full: boolean,
): Outcome[] {
  return [
    ...confidenceOutcomes(segment, blocks, live, joined, smallest.share, full),
    ...countsOutcomes(segment, 'class', blocks, live, joined, ({ classes }) => classes, smallest.share),
    ...defined(unknownOutcome(segment, blocks, live, joined, smallest.unknown)),
  ]
}

/** χ² of a distribution over categories decides; PSI and Jensen–Shannon of the same counts are shown beside it. */
function countsOutcomes(
  segment: string,
  name: 'class' | 'source' | 'lang',
  blocks: readonly Summary[],
  live: Summary,
  joined: number,
  countsOf: (summary: Summary) => Counts,
  smallestEffect: number,
): Outcome[] {
  const { names, rows } = aligned([countsOf(live), ...blocks.map(countsOf)])
  const [now, ...before] = rows
  if (now === undefined || names.length < 2) return []
  const compared = compareCounts(before, now, joined)
  const sums = names.map((_, at) => before.reduce((sum, block) => sum + (block[at] ?? 0), 0))
  const [n, m] = [total(sums), total(now)]
  const change = names
    .map((one, at) => ({ one, was: (sums[at] ?? 0) / n, is: (now[at] ?? 0) / m }))
    .sort((a, b) => Math.abs(b.is - b.was) - Math.abs(a.is - a.was))[0]
  const told =
    change === undefined
      ? ''
      : `${change.one === '' ? 'none' : change.one} ${percent(change.was)} → ${percent(change.is)}`
  const common = {
    segment,
    about: 'posts' as const,
    effect: compared.totalVariation,
    smallestEffect,
    referenceRows: n,
    liveRows: m,
  }
  const { scale, df, dispersion } = compared
  const distance = (statistic: string, value: number, perUnit: number): Outcome => {
    const tail = (x: number) => (df === 0 ? 1 : fUpper((x * perUnit) / scale / df, df, Math.max(dispersion.tailDf, 1)))
    return {
      ...common,
      statistic: `${name}.${statistic}`,
      value,
      p: tail(value),
      thresholdAt: (alpha) => (df === 0 ? Number.POSITIVE_INFINITY : upperQuantile(tail, alpha)),
      decides: false,
      sentence: `${statistic} of the ${plural[name]} ${value.toFixed(4)}: ${told}`,
    }
  }
  return [
    {
      ...common,
      statistic: `${name}.chi2`,
      value: compared.statistic,
      p: compared.p,
      thresholdAt: compared.thresholdAt,
      decides: true,
      sentence: `${plural[name]} changed: ${told} over ${grouped(m)} posts`,
    },
    distance('psi', psi(compared.reference, compared.live), 1),
    distance('js', jensenShannon(compared.reference, compared.live), 8),
  ]
}

const plural = { class: 'predicted classes', source: 'sources', lang: 'languages' } as const

function unknownOutcome(
  segment: string,
  blocks: readonly Summary[],
  live: Summary,
  joined: number,
  smallestEffect: number,
): Outcome | undefined {
  const compared = compareRatio(
    blocks.map(({ unknown }) => unknown),
    live.unknown,
    joined,
  )
  if (compared === undefined) return undefined
  return {
    segment,
    about: 'posts',
    statistic: 'unknown.rate',
    value: compared.live,
    p: compared.p,
    effect: Math.abs(compared.live - compared.reference),
    smallestEffect,
    thresholdAt: (alpha) => compared.reference + compared.distanceAt(alpha),
    decides: true,
    referenceRows: sumOf(blocks).posts,
    liveRows: live.posts,
    sentence: `unknown tokens ${percent(compared.reference, 2)} → ${percent(compared.live, 2)}`,
  }
}

/** Accuracy as the scores promise it (CBPE), against the same promise for the baseline's blocks. */
function estimatedOutcome(reference: Reference, live: Live, joined: number, smallestEffect: number) {
  const sums = (posts: Live['sample']) => meanSums(expectedRight(reference.calibrator, posts))
  const blocks = byBlock(reference.sample).map(sums)
  const compared = compareRatio(blocks, sums(live.sample), joined, 'below')
  if (compared === undefined) return undefined
  const outcome: Outcome = {
    segment: '',
    about: 'posts',
    statistic: 'accuracy.estimated',
    value: compared.live,
    p: compared.p,
    effect: Math.max(0, compared.reference - compared.live),
    smallestEffect,
    thresholdAt: (alpha) => compared.reference - compared.distanceAt(Math.min(alpha, 0.499)),
    decides: true,
    referenceRows: reference.sample.length,
    liveRows: live.sample.length,
    sentence: `accuracy that the scores promise ${percent(compared.reference)} → ${percent(compared.live)}`,
  }
  return { outcome, dispersion: compared.dispersion }
}

const defined = <T>(value: T | undefined): T[] => (value === undefined ? [] : [value])
const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)
