import type { Random } from '../../core/random.ts'
import type { Baseline, Live } from '../../jobs/drift/reference.ts'
import {
  confidenceBins,
  fineBlocks,
  type LabelledPost,
  noPosts,
  type SampledPost,
  type Summary,
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
  const size = posts.length / fineBlocks
  const blockOf = (at: number) => Math.min(fineBlocks - 1, Math.floor(at / size))
  const segments = new Map<string, readonly Summary[]>()
  for (const [name, members] of bySegment(posts)) {
    const blocks: ScoredPost[][] = Array.from({ length: fineBlocks }, () => [])
    for (const at of members) {
      const post = posts[at]
      if (post !== undefined) blocks[blockOf(at)]?.push(post)
    }
    segments.set(name, blocks.map(summaryOf))
  }
  const stride = Math.max(1, posts.length / sampledPosts)
  const sample = Array.from({ length: Math.min(posts.length, sampledPosts) }, (_, at) => Math.floor(at * stride))
  return {
    segments,
    sample: sample.flatMap((at) => {
      const post = posts[at]
      return post === undefined ? [] : [sampledOf(post, blockOf(at))]
    }),
    labelled: labelled.map((post) => labelledOf(post)),
    classes,
  }
}

export function liveOf(posts: readonly ScoredPost[], labelled: readonly LabelledPost[], reference: Baseline): Live {
  const segments = new Map<string, Summary>()
  for (const [name, members] of bySegment(posts)) {
    segments.set(name, summaryOf(members.map((at) => posts[at]).filter((post) => post !== undefined)))
  }
  const parts = [...segments].filter(([name, { posts: size }]) => {
    const known = (reference.segments.get(name) ?? []).reduce((sum, block) => sum + block.posts, 0)
    return name !== '' && size >= segmentPosts.live && size < 0.9 * posts.length && known >= segmentPosts.baseline
  })
  parts.sort(([, a], [, b]) => b.posts - a.posts)
  const kept = [...segments].filter(([name]) => name === '')
  return {
    segments: new Map([...kept, ...parts.slice(0, mostSegments)]),
    sample: posts.slice(0, sampledPosts).map((post) => sampledOf(post, 0)),
    labelled,
  }
}

export const labelledOf = (post: ScoredPost, selectionProbability = 1): LabelledPost => ({
  id: post.id,
  label: post.truth,
  predicted: post.label,
  probabilities: post.probabilities,
  selectionProbability,
})

/** Of the posts whose truth is known, a random share. */
export const labelledShare = (posts: readonly ScoredPost[], share: number, random: Random): readonly ScoredPost[] =>
  posts.filter(({ truth }) => truth !== '' && random() < share)

const sampledOf = (
  { id, text, label, probabilities, source, lang, words }: ScoredPost,
  block: number,
): SampledPost => ({
  id,
  text,
  label,
  probabilities,
  source,
  lang,
  words,
  block,
})

/** Indices of the posts of each segment. */
function bySegment(posts: readonly ScoredPost[]): ReadonlyMap<string, readonly number[]> {
  const segments = new Map<string, number[]>()
  const add = (name: string, at: number) => {
    const members = segments.get(name)
    if (members === undefined) segments.set(name, [at])
    else members.push(at)
  }
  posts.forEach(({ source, lang }, at) => {
    add('', at)
    add(`source=${source}`, at)
    add(`lang=${lang}`, at)
  })
  return segments
}

export function summaryOf(posts: readonly ScoredPost[]): Summary {
  if (posts.length === 0) return noPosts
  const confidence = Array.from({ length: confidenceBins }, () => 0)
  const [classes, sources, languages]: Record<string, number>[] = [{}, {}, {}]
  let [tokens, unknown, tt, ut, uu] = [0, 0, 0, 0, 0]
  const count = (counts: Record<string, number> | undefined, name: string) => {
    if (counts !== undefined) counts[name] = (counts[name] ?? 0) + 1
  }
  for (const post of posts) {
    const bin = Math.min(confidenceBins - 1, Math.floor(post.confidence * confidenceBins))
    confidence[bin] = (confidence[bin] ?? 0) + 1
    count(classes, post.label)
    count(sources, post.source)
    count(languages, post.lang)
    tokens += post.tokens
    unknown += post.unknown
    tt += post.tokens * post.tokens
    ut += post.unknown * post.tokens
    uu += post.unknown * post.unknown
  }
  return {
    posts: posts.length,
    confidence,
    classes: classes ?? {},
    sources: sources ?? {},
    languages: languages ?? {},
    unknown: { posts: posts.length, numerator: unknown, denominator: tokens, squares: [uu, ut, tt] },
  }
}

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
