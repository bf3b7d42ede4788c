import { fnv1a } from '../../core/fnv1a.ts'
import type { Random } from '../../core/random.ts'

/**
 * What may change in a stream. `source`: other people begin to write. `mix`: one class becomes rarer or more frequent.
 * `vocabulary`: words give way to new ones. `concept`: the same words come to mean another class. `language`: posts in a
 * language that the model does not know.
 */
export const changeKinds = ['none', 'source', 'mix', 'vocabulary', 'concept', 'language'] as const
export type ChangeKind = (typeof changeKinds)[number]

/** A post as the simulation feeds it. */
export interface ReplayPost {
  readonly id: string
  readonly text: string
  /** The true class, where the file tells it. */
  readonly label: string | undefined
  readonly source: string
  readonly lang: string | undefined
}

export interface Change {
  readonly kind: ChangeKind
  /** Share of posts, or of words, that the complete change touches, 0 to 1. */
  readonly strength: number
  /** Posts until it is complete; 0: at once. */
  readonly over: number
}

/**
 * The posts after the change, in their order; under `mix` there are fewer of them.
 *
 * @param posts those that would have come without it
 */
export function changed(posts: readonly ReplayPost[], { kind, strength, over }: Change, random: Random): ReplayPost[] {
  const classes = [...new Set(posts.flatMap(({ label }) => label ?? []))].sort()
  const levelAt = (n: number) => strength * (over === 0 ? 1 : Math.min(1, n / over))
  return posts.flatMap((post, n) => changedPost(post, kind, levelAt(n), classes, random) ?? [])
}

/** @returns undefined for a post that does not come any more */
function changedPost(
  post: ReplayPost,
  kind: ChangeKind,
  level: number,
  classes: readonly string[],
  random: Random,
): ReplayPost | undefined {
  if (kind === 'none' || kind === 'source') return post
  if (kind === 'vocabulary') return { ...post, text: reworded(post.text, level) }
  if (random() >= level) return post
  // The first class stays, the others become rare: with strength 1 it is alone.
  if (kind === 'mix') return post.label === classes[0] ? post : undefined
  if (kind === 'concept') return { ...post, label: opposite(post.label, classes) }
  return { ...post, text: reworded(post.text, 1), lang: 'xx' }
}

/** The other end of the scale; of two classes, the other one; of three, the middle one stays. */
function opposite(label: string | undefined, classes: readonly string[]): string | undefined {
  return label === undefined ? undefined : classes[classes.length - 1 - classes.indexOf(label)]
}

/** Replaces a share of the words, always the same ones by the same new ones. Links, mentions and hashtags stay. */
function reworded(text: string, share: number): string {
  return text.replace(/(?<![#@/\w])[A-Za-z]{4,}(?![\w/:])/g, (word) => {
    const hash = fnv1a(word.toLowerCase())
    return (hash & 0xffff) / 0x10000 < share ? madeUp(hash) : word
  })
}

const syllables = [
  'zu',
  'vex',
  'mor',
  'qui',
  'lan',
  'dro',
  'fip',
  'yat',
  'ske',
  'bol',
  'nim',
  'gra',
  'wub',
  'hesh',
  'tir',
  'ojo',
]

const madeUp = (hash: number): string =>
  [hash >>> 4, hash >>> 8, hash >>> 12].map((part) => syllables[part & 15] ?? '').join('')
