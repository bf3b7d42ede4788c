import { addRatioSums, noRatioSums, type RatioSums } from '../../stats/dispersion.ts'

/** Equal bins of confidence from 0 to 1. */
export const confidenceBins = 50
export const confidenceEdges: readonly number[] = Array.from(
  { length: confidenceBins + 1 },
  (_, at) => at / confidenceBins,
)

/** Counts by name: classes, sources, languages. */
export type Counts = Readonly<Record<string, number>>

/**
 * What a stretch of posts comes to, as ClickHouse counts it: everything that a check needs of it but the sample. Summaries
 * of neighbouring stretches add up.
 */
export interface Summary {
  readonly posts: number
  /** [confidenceBins] */
  readonly confidence: readonly number[]
  readonly classes: Counts
  readonly sources: Counts
  readonly languages: Counts
  /** Unknown tokens per token. */
  readonly unknown: RatioSums
}

export const noPosts: Summary = {
  posts: 0,
  confidence: Array.from({ length: confidenceBins }, () => 0),
  classes: {},
  sources: {},
  languages: {},
  unknown: noRatioSums,
}

export const addSummaries = (first: Summary, second: Summary): Summary => ({
  posts: first.posts + second.posts,
  confidence: first.confidence.map((count, bin) => count + (second.confidence[bin] ?? 0)),
  classes: addCounts(first.classes, second.classes),
  sources: addCounts(first.sources, second.sources),
  languages: addCounts(first.languages, second.languages),
  unknown: addRatioSums(first.unknown, second.unknown),
})

export const sumOf = (summaries: readonly Summary[]): Summary => summaries.reduce(addSummaries, noPosts)

function addCounts(first: Counts, second: Counts): Counts {
  const sum: Record<string, number> = { ...first }
  for (const [name, count] of Object.entries(second)) sum[name] = (sum[name] ?? 0) + count
  return sum
}

/** What is known of a post without a label. */
export interface KnownPost {
  readonly id: string
  readonly text: string
  readonly source: string
  readonly lang: string
  readonly tokens: number
  /** Tokens that the tokenizer does not know. */
  readonly unknown: number
  /** In the order of the model's classes. */
  readonly probabilities: readonly number[]
}

/** A post of the sample that is drawn from a stretch: texts and probabilities are compared on samples, counts on all posts. */
export interface SampledPost extends KnownPost {
  readonly label: string
  /** Distinct words and `#hashtags`, lower case. */
  readonly words: readonly string[]
  /** Which block of the baseline, or which stretch of the window, it is from. */
  readonly block: number
}

/** Blocks into which a baseline is cut. */
export const fineBlocks = 100
/** Blocks that are compared, at least: with fewer nobody knows how much they differ. */
const fewestBlocks = 20

/**
 * How many neighbouring blocks are joined, so that a block is about as long as the window: what comes in bursts averages out in
 * long stretches and does not in short ones.
 */
export function blocksOf(blocks: readonly Summary[], windowPosts: number): number {
  const posts = sumOf(blocks).posts / Math.max(1, blocks.length)
  const most = Math.max(1, Math.floor(blocks.length / fewestBlocks))
  return Math.max(1, Math.min(most, Math.round(windowPosts / Math.max(1, posts))))
}

export const joinBlocks = (blocks: readonly Summary[], joined: number): readonly Summary[] =>
  Array.from({ length: Math.ceil(blocks.length / joined) }, (_, at) =>
    sumOf(blocks.slice(at * joined, (at + 1) * joined)),
  )

/** The sample's posts by block, `joined` of which are one, in the order of the blocks. */
export function byBlock(sample: readonly SampledPost[], joined = 1): readonly (readonly SampledPost[])[] {
  const blocks = new Map<number, SampledPost[]>()
  for (const post of sample) {
    const at = Math.floor(post.block / joined)
    const block = blocks.get(at)
    if (block === undefined) blocks.set(at, [post])
    else block.push(post)
  }
  return [...blocks.entries()].sort(([a], [b]) => a - b).map(([, posts]) => posts)
}

/** A post whose truth somebody told. */
export interface LabelledPost extends KnownPost {
  readonly label: string
  readonly predicted: string
  /** With which it was chosen for labelling, above 0 to 1. */
  readonly selectionProbability: number
}
