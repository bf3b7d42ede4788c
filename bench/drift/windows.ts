import type { Random } from '../../core/random.ts'
import { liveStretches } from '../../jobs/drift/lasting.ts'
import type { Baseline, Live } from '../../jobs/drift/reference.ts'
import {
  confidenceBins,
  fineBlocks,
  type LabelledPost,
  type SampledPost,
  type Summary,
  sumOf,
} from '../../jobs/drift/summary.ts'
import type { ScoredPost } from './scored-posts.ts'

/** What `scoredStream` asks ClickHouse for, counted here; a test holds both against each other. */

const sampledPosts = 20_000
const segmentPosts = { live: 100, baseline: 500 } as const
const mostSegments = 5

export function baselineOf(
  posts: readonly ScoredPost[],
  labelled: readonly ScoredPost[],
  classes: readonly string[],
): Baseline {
  const blockOf = blocksOver(posts.length, fineBlocks)
  const segments = summariesOf(posts, fineBlocks)
  return {
    segments,
    sample: sampleOf(posts, blockOf),
    labelled: labelled.map((post) => labelledOf(post)),
    classes,
  }
}

export function liveOf(posts: readonly ScoredPost[], labelled: readonly LabelledPost[], reference: Baseline): Live {
  const stretches = summariesOf(posts, liveStretches)
  const stretchOf = blocksOver(posts.length, liveStretches)
  const segments = new Map([...stretches].map(([name, all]) => [name, sumOf(all)]))
  const parts = [...segments].filter(([name, { posts: size }]) => {
    const known = (reference.segments.get(name) ?? []).reduce((sum, block) => sum + block.posts, 0)
    return name !== '' && size >= segmentPosts.live && size < 0.9 * posts.length && known >= segmentPosts.baseline
  })
  parts.sort(([, a], [, b]) => b.posts - a.posts)
  const kept = [...segments].filter(([name]) => name === '')
  return {
    segments: new Map([...kept, ...parts.slice(0, mostSegments)]),
    stretches,
    sample: sampleOf(posts, stretchOf),
    labelled,
  }
}

export const labelledOf = (post: ScoredPost, selectionProbability = 1): LabelledPost => ({
  ...knownOf(post),
  label: post.truth,
  predicted: post.label,
  selectionProbability,
})

/** Of the posts whose truth is known, a random share. */
export const labelledShare = (posts: readonly ScoredPost[], share: number, random: Random): readonly ScoredPost[] =>
  posts.filter(({ truth }) => truth !== '' && random() < share)

/** As by the hashes of their ids: posts of all the stretch in an order that has nothing to do with theirs. */
function sampleOf(posts: readonly ScoredPost[], blockOf: (at: number) => number): readonly SampledPost[] {
  const step = posts.length % largePrime === 0 ? 1 : largePrime
  return Array.from({ length: Math.min(posts.length, sampledPosts) }, (_, n) => (n * step) % posts.length).flatMap(
    (at) => {
      const post = posts[at]
      return post === undefined ? [] : [sampledOf(post, blockOf(at))]
    },
  )
}

/** n · prime modulo the number of posts meets every post once. */
const largePrime = 7_919_003

export const sampledOf = (post: ScoredPost, block = 0): SampledPost => ({
  ...knownOf(post),
  label: post.label,
  words: post.words,
  block,
})

const knownOf = ({ id, text, source, lang, tokens, unknown, probabilities }: ScoredPost) => ({
  id,
  text,
  source,
  lang,
  tokens,
  unknown,
  probabilities,
})

/** Which of so many blocks of equally many posts the post at an index is in. */
const blocksOver = (posts: number, blocks: number) => (at: number) =>
  Math.min(blocks - 1, Math.floor((at * blocks) / posts))

/** One summary for each block, by segment: counted once for each block, source and language, and added up, as in SQL. */
function summariesOf(posts: readonly ScoredPost[], blocks: number): ReadonlyMap<string, readonly Summary[]> {
  const parts = new Map<string, { readonly source: string; readonly lang: string; readonly tallies: Tally[] }>()
  const blockOf = blocksOver(posts.length, blocks)
  posts.forEach((post, at) => {
    const { source, lang } = post
    const key = `${source} ${lang}`
    let part = parts.get(key)
    if (part === undefined) {
      part = { source, lang, tallies: Array.from({ length: blocks }, newTally) }
      parts.set(key, part)
    }
    const tally = part.tallies[blockOf(at)]
    if (tally !== undefined) count(tally, post)
  })
  const segments = new Map<string, Summary[][]>()
  for (const { source, lang, tallies } of parts.values()) {
    tallies.forEach((tally, block) => {
      if (tally.posts === 0) return
      const summary = summaryOf(tally, source, lang)
      for (const name of ['', `source=${source}`, `lang=${lang}`]) {
        const of = segments.get(name) ?? Array.from({ length: blocks }, () => [])
        segments.set(name, of)
        of[block]?.push(summary)
      }
    })
  }
  return new Map([...segments].map(([name, of]) => [name, of.map(sumOf)]))
}

/** Sums over posts of one source and language, added to in place: a thousand windows hold 20 million posts. */
interface Tally {
  posts: number
  readonly confidence: number[]
  readonly classes: Record<string, number>
  tokens: number
  unknown: number
  readonly squares: [number, number, number]
}

const newTally = (): Tally => ({
  posts: 0,
  confidence: Array.from({ length: confidenceBins }, () => 0),
  classes: {},
  tokens: 0,
  unknown: 0,
  squares: [0, 0, 0],
})

function count(tally: Tally, { confidence, label, tokens, unknown }: ScoredPost): void {
  const bin = Math.min(confidenceBins - 1, Math.floor(confidence * confidenceBins))
  tally.posts++
  tally.confidence[bin] = (tally.confidence[bin] ?? 0) + 1
  tally.classes[label] = (tally.classes[label] ?? 0) + 1
  tally.tokens += tokens
  tally.unknown += unknown
  tally.squares[0] += unknown * unknown
  tally.squares[1] += unknown * tokens
  tally.squares[2] += tokens * tokens
}

const summaryOf = ({ posts, confidence, classes, tokens, unknown, squares }: Tally, source: string, lang: string) => ({
  posts,
  confidence,
  classes,
  sources: { [source]: posts },
  languages: { [lang]: posts },
  unknown: { posts, numerator: unknown, denominator: tokens, squares },
})

/** Posts drawn one by one: without any change, and independent. */
export const independent = (posts: readonly ScoredPost[], count: number, random: Random): readonly ScoredPost[] =>
  Array.from({ length: count }, () => posts[Math.floor(random() * posts.length)]).filter((post) => post !== undefined)

/**
 * The stationary bootstrap: stretches of the stream of random length, one after the other, starting anywhere (Politis and
 * Romano 1994, doi:10.1080/01621459.1994.10476870). No change of distribution, and neighbours as alike as they are.
 *
 * @param meanLength posts of a stretch, on average
 */
export function stationary(
  posts: readonly ScoredPost[],
  count: number,
  random: Random,
  meanLength: number,
): readonly ScoredPost[] {
  const drawn: ScoredPost[] = []
  let at = Math.floor(random() * posts.length)
  while (drawn.length < count) {
    const post = posts[at % posts.length]
    if (post !== undefined) drawn.push(post)
    at = random() < 1 / meanLength ? Math.floor(random() * posts.length) : at + 1
  }
  return drawn
}
