import type { RatioSums } from '../../stats/dispersion.ts'
import { noRatioSums } from '../../stats/dispersion.ts'
import { compareRatio } from './compare-ratio.ts'
import { type Outcome, percent } from './outcome.ts'
import type { Live, Reference } from './reference.ts'
import { byBlock, type SampledPost } from './summary.ts'

/**
 * Share of words that the baseline's sample does not hold. A block of the baseline is asked against the other blocks, so that
 * its own words are no proof of themselves; they miss a hundredth of the sample by that, and a window therefore counts as
 * slightly less new than a block would: only more new words count, and the test errs on the quiet side.
 */
export function newWordsOutcome(
  reference: Reference,
  live: Live,
  joined: number,
  smallestEffect: number,
): Outcome | undefined {
  const compared = compareRatio(
    reference.newWords(),
    sumsOf(live.sample, (word) => !reference.knows(word)),
    joined,
    'above',
  )
  if (compared === undefined) return undefined
  return {
    segment: '',
    about: 'posts',
    statistic: 'words.new',
    value: compared.live,
    p: compared.p,
    effect: Math.max(0, compared.live - compared.reference),
    smallestEffect,
    thresholdAt: (alpha) => compared.reference + compared.distanceAt(Math.min(alpha, 0.499)),
    decides: true,
    referenceRows: reference.sample.length,
    liveRows: live.sample.length,
    sentence: `words that were not there before ${percent(compared.reference)} → ${percent(compared.live)}`,
  }
}

export interface Vocabulary {
  knows(word: string): boolean
  /** For each block, its words that no other block holds. */
  newWords(): readonly RatioSums[]
}

export function vocabularyOf(sample: readonly SampledPost[]): Vocabulary {
  const blocks = byBlock(sample)
  /** The block that alone holds a word; −1 for words of several. */
  const homes = new Map<string, number>()
  blocks.forEach((posts, block) => {
    for (const { words } of posts) {
      for (const word of words) {
        const home = homes.get(word)
        if (home === undefined) homes.set(word, block)
        else if (home !== block) homes.set(word, -1)
      }
    }
  })
  let sums: readonly RatioSums[] | undefined
  return {
    knows: (word) => homes.has(word),
    newWords() {
      sums ??= blocks.map((posts, block) => sumsOf(posts, (word) => homes.get(word) === block))
      return sums
    },
  }
}

function sumsOf(posts: readonly SampledPost[], isNew: (word: string) => boolean): RatioSums {
  if (posts.length === 0) return noRatioSums
  let [words, news, nn, nd, dd] = [0, 0, 0, 0, 0]
  for (const post of posts) {
    const all = post.words.length
    const fresh = post.words.filter(isNew).length
    words += all
    news += fresh
    nn += fresh * fresh
    nd += fresh * all
    dd += all * all
  }
  return { posts: posts.length, numerator: news, denominator: words, squares: [nn, nd, dd] }
}
