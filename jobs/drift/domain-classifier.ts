import { fnv1a } from '../../core/fnv1a.ts'
import { auc } from '../../stats/auc.ts'
import { tailOf } from '../../stats/dispersion.ts'
import { fitLogistic, type Logistic, logOdds } from '../../stats/logistic.ts'
import { upperQuantile } from '../../stats/quantile.ts'
import { studentUpper } from '../../stats/special.ts'
import type { ShiftModel } from './check-result.ts'
import { type Outcome, percent } from './outcome.ts'
import { byBlock, type SampledPost } from './summary.ts'

/** Posts of either side that are looked at; more tell finer differences and take longer. */
const mostPosts = 1500
const mostWords = 2500
/** A word in fewer posts than this is left out. */
const fewestPosts = 3
/** Weights that are kept for choosing posts to label. */
const keptWeights = 300

interface Compared {
  readonly auc: number
  /** Of the AUC when words say nothing and posts are independent. */
  readonly deviation: number
}

/** What the AUC is between a part of the baseline and the rest of it: its spread without a change. */
export interface WordsNull {
  readonly mean: number
  readonly deviation: number
  readonly parts: number
  /** Degrees of freedom of the t by which a window is judged; fewer when single parts stray. */
  readonly tailDf: number
  /** Deviation that independent posts would have had in parts of this size. */
  readonly chance: number
}

/**
 * How well a classifier on words tells posts of the window from posts of the baseline, on posts it was not trained on:
 * 0.5 when it cannot. It is trained on either half and asked about the other; posts with the same words are one post and
 * stay in one half, or a quotation that goes round would be learnt by heart.
 */
export function separate(reference: readonly SampledPost[], live: readonly SampledPost[]): Compared | undefined {
  const [before, now] = [distinct(reference), distinct(live)]
  if (before.length < 20 || now.length < 20) return undefined
  const posts = [...before, ...now]
  const isLive = posts.map((_, at) => at >= before.length)
  const { rows, words } = encode(posts)
  const half = posts.map(halfOf)
  const scores = new Float64Array(posts.length)
  for (const tested of [0, 1]) {
    const train = half.flatMap((is, at) => (is === tested ? [] : [at]))
    const kinds = train.map((at) => isLive[at] === true)
    if (!kinds.includes(true) || !kinds.includes(false)) return undefined
    const model = fitLogistic(
      train.map((at) => rows[at] ?? none),
      kinds,
      words.length,
    )
    half.forEach((is, at) => {
      if (is === tested) scores[at] = logOdds(model, rows[at] ?? none)
    })
  }
  // Halves are ranked by themselves: two models' scores share no scale.
  const parts = [0, 1].flatMap((tested) => {
    const at = half.flatMap((is, index) => (is === tested ? [index] : []))
    const kinds = at.map((index) => isLive[index] === true)
    if (!kinds.includes(true) || !kinds.includes(false)) return []
    return [
      {
        ...auc(
          at.map((index) => scores[index] ?? 0),
          kinds,
        ),
        weight: at.length,
      },
    ]
  })
  const weight = parts.reduce((sum, part) => sum + part.weight, 0)
  if (weight === 0) return undefined
  return {
    auc: parts.reduce((sum, part) => sum + (part.auc * part.weight) / weight, 0),
    deviation: Math.sqrt(parts.reduce((sum, part) => sum + ((part.nullDeviation * part.weight) / weight) ** 2, 0)),
  }
}

/** Posts of the baseline that a part must have for its AUC to say something. */
const fewestOfPart = 150
/** Parts, at least, where there are posts for so many. */
const fewestParts = 20
/** Parts that are tried: each is a classifier. */
const mostParts = 24

/**
 * The AUC of each stretch of the baseline against the rest of it. Topics that come and go make neighbouring posts alike,
 * so that stretches can be told apart without any drift: a window must stand out more than they do.
 *
 * @param sample of the baseline, with its blocks
 * @param posts of the window: what few posts tell varies more, so larger parts are cut down to as many
 */
export function wordsNull(sample: readonly SampledPost[], posts: number): WordsNull | undefined {
  const wanted = Math.max(fewestOfPart, Math.min(posts, sample.length / fewestParts))
  const parts: SampledPost[][] = []
  for (const block of byBlock(sample)) {
    const last = parts.at(-1)
    if (last !== undefined && last.length + block.length / 2 < wanted) last.push(...block)
    else parts.push([...block])
  }
  if (parts.length < 4) return undefined
  const stride = Math.max(1, parts.length / mostParts)
  const tried = parts.flatMap((_, at) => (Math.floor(at / stride) === Math.floor((at - 1) / stride) ? [] : [at]))
  const compared = tried.flatMap((at) => {
    const part = parts[at] ?? []
    const rest = parts.flatMap((other, index) => (index === at ? [] : other))
    const one = separate(thinned(rest, mostPosts), thinned(part, posts))
    return one === undefined ? [] : [one]
  })
  if (compared.length < 4) return undefined
  const mean = compared.reduce((sum, one) => sum + one.auc, 0) / compared.length
  const variance = compared.reduce((sum, one) => sum + (one.auc - mean) ** 2, 0) / (compared.length - 1)
  const chance = compared.reduce((sum, one) => sum + one.deviation ** 2, 0) / compared.length
  const each = compared.map((one) => (one.auc - mean) ** 2)
  return {
    mean,
    deviation: Math.sqrt(variance),
    parts: compared.length,
    tailDf: Math.min(compared.length - 1, tailOf(each, 1)),
    chance: Math.sqrt(chance),
  }
}

/** Every n-th post, so that all of the stretch is in it. */
function thinned(posts: readonly SampledPost[], most: number): readonly SampledPost[] {
  if (posts.length <= most) return posts
  return Array.from({ length: most }, (_, at) => posts[Math.floor((at * posts.length) / most)]).filter(
    (post) => post !== undefined,
  )
}

/** The words of the window against those of the baseline: the AUC is how much they differ. */
export function wordsOutcome(
  reference: readonly SampledPost[],
  live: readonly SampledPost[],
  usual: WordsNull | undefined,
  smallestEffect: number,
  rows: { readonly referenceRows: number; readonly liveRows: number },
): Outcome | undefined {
  const compared = separate(reference, live)
  if (compared === undefined || usual === undefined) return undefined
  const middle = Math.max(0.5, usual.mean)
  // The usual spread, and what a window with fewer posts than the baseline's parts adds to it by chance.
  const spread = Math.max(usual.deviation, usual.chance) ** 2 * (1 + 1 / usual.parts)
  const deviation = Math.sqrt(spread + Math.max(0, compared.deviation ** 2 - usual.chance ** 2))
  const tail = (distance: number) => studentUpper(distance / deviation, usual.tailDf)
  return {
    segment: '',
    about: 'posts',
    statistic: 'words.auc',
    value: compared.auc,
    p: tail(compared.auc - middle),
    effect: Math.max(0, compared.auc - middle),
    smallestEffect,
    thresholdAt: (alpha) => middle + upperQuantile(tail, Math.min(alpha, 0.499)),
    decides: true,
    ...rows,
    sentence: `words tell the window from the baseline in ${percent(compared.auc)} of pairs (usually ${percent(usual.mean)})`,
  }
}

/** The classifier on all posts of both samples: which words are typical of the window (weight > 0) and of the baseline. */
export function shiftModel(reference: readonly SampledPost[], live: readonly SampledPost[]): ShiftModel | undefined {
  const [before, now] = [distinct(reference), distinct(live)]
  if (before.length === 0 || now.length === 0) return undefined
  const posts = [...before, ...now]
  const { rows, words } = encode(posts)
  const model = fitLogistic(
    rows,
    posts.map((_, at) => at >= before.length),
    words.length,
  )
  return { bias: rounded(model.bias), weights: largest(model, words) }
}

function largest({ weights }: Logistic, words: readonly string[]): Record<string, number> {
  const order = words.map((_, at) => at).sort((a, b) => Math.abs(weights[b] ?? 0) - Math.abs(weights[a] ?? 0))
  return Object.fromEntries(order.slice(0, keptWeights).map((at) => [words[at] ?? '', rounded(weights[at] ?? 0)]))
}

const rounded = (value: number): number => Math.round(value * 1e4) / 1e4
const none = new Int32Array(0)

/** The first posts with words of their own. */
function distinct(posts: readonly SampledPost[]): readonly SampledPost[] {
  const seen = new Set<string>()
  const kept: SampledPost[] = []
  for (const post of posts) {
    if (kept.length === mostPosts) break
    const key = post.words.join(' ')
    if (seen.has(key)) continue
    seen.add(key)
    kept.push(post)
  }
  return kept
}

function encode(posts: readonly SampledPost[]): { rows: Int32Array[]; words: readonly string[] } {
  const inPosts = new Map<string, number>()
  for (const { words } of posts) for (const word of words) inPosts.set(word, (inPosts.get(word) ?? 0) + 1)
  const words = [...inPosts]
    .filter(([, count]) => count >= fewestPosts)
    .sort(([, a], [, b]) => b - a)
    .slice(0, mostWords)
    .map(([word]) => word)
  const columns = new Map(words.map((word, at) => [word, at]))
  const rows = posts.map((post) => Int32Array.from(post.words.flatMap((word) => columns.get(word) ?? [])))
  return { rows, words }
}

/** 0 or 1, half of the posts each; equal posts have equal halves. */
function halfOf({ words }: SampledPost): number {
  const hash = fnv1a(words.join(' '))
  return (hash ^ (hash >>> 15) ^ (hash >>> 7)) & 1
}
