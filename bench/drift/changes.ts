import type { Random } from '../../core/random.ts'
import type { RawPost } from './scored-posts.ts'

/** A change of the stream, at a strength from 0 (none) to 1. */
export interface Change {
  readonly kind: string
  /** Three strengths that are tried, weak to strong, in the change's own terms. */
  readonly strengths: readonly [number, number, number]
  /** Whether posts or scores show it, or only labels. */
  readonly shownBy: 'posts' | 'labels'
  /** The next post of the stream. */
  draw(strength: number, random: Random): RawPost
}

/** Posts to draw from, by what they are. */
export interface Pools {
  /** What the stream is made of before. */
  readonly usual: readonly RawPost[]
  /** Another source. */
  readonly source: readonly RawPost[]
  /** Posts in other languages. */
  readonly language: readonly RawPost[]
}

const opposite: Readonly<Record<string, string>> = { negative: 'positive', positive: 'negative' }

/** Every kind of change that the drift job is to see, made of real posts. */
export function changesOf(pools: Pools): readonly Change[] {
  const from = (posts: readonly RawPost[], random: Random): RawPost => {
    const post = posts[Math.floor(random() * posts.length)]
    if (post === undefined) throw new Error('a pool is empty')
    return post
  }
  const negative = pools.usual.filter(({ truth }) => truth === 'negative')
  const usual = (random: Random) => from(pools.usual, random)
  const changes: readonly Change[] = [
    {
      kind: 'class mix',
      strengths: [0.1, 0.2, 0.4],
      shownBy: 'posts',
      draw: (strength, random) => (random() < strength ? from(negative, random) : usual(random)),
    },
    {
      kind: 'vocabulary',
      strengths: [0.05, 0.15, 0.4],
      shownBy: 'posts',
      draw: (strength, random) => (random() < strength ? renamed(usual(random)) : usual(random)),
    },
    {
      kind: 'new source',
      strengths: [0.03, 0.1, 0.3],
      shownBy: 'posts',
      draw: (strength, random) => (random() < strength ? from(pools.source, random) : usual(random)),
    },
    {
      kind: 'new language',
      strengths: [0.03, 0.1, 0.3],
      shownBy: 'posts',
      draw: (strength, random) => (random() < strength ? from(pools.language, random) : usual(random)),
    },
    {
      kind: 'meaning',
      strengths: [0.1, 0.25, 0.6],
      shownBy: 'labels',
      draw(strength, random) {
        const post = usual(random)
        return random() < strength ? { ...post, truth: opposite[post.truth] ?? post.truth } : post
      },
    },
  ]
  return changes.filter(({ kind }) => kind !== 'new language' || pools.language.length > 0)
}

/** The same post about things that have other names now: a quarter of the longer words are replaced, each by one of its own. */
function renamed(post: RawPost): RawPost {
  const text = post.text.replace(/\p{L}{4,}/gu, (word) => (sumOf(word) % 4 === 0 ? `zu${word.slice(0, 2)}ka` : word))
  return { ...post, text }
}

const sumOf = (word: string): number =>
  [...word.toLowerCase()].reduce((sum, sign) => sum * 31 + (sign.codePointAt(0) ?? 0), 7) >>> 0
