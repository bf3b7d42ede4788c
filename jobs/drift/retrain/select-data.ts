import { fnv1a } from '../../../core/fnv1a.ts'
import type { Random } from '../../../core/random.ts'
import { normalisers } from '../../../text/normalisers.ts'
import type { DataFacts } from './state.ts'

/** A labelled post that a retraining may use. */
export interface RetrainingPost {
  readonly id: string
  readonly text: string
  readonly label: string
  readonly atMs: number
  readonly source: string
  readonly lang: string
  /** With which it was chosen for labelling, above 0 to 1. */
  readonly selectionProbability: number
}

export interface SelectionSettings {
  /** Classes of the model. */
  readonly labels: readonly string[]
  /** Event time, back from the newest label. */
  readonly recentMs: number
  readonly holdOut: number
  readonly replay: number
  readonly mostPosts: number
  /** False where a file takes the place of the golden set: then every older post may be replayed. */
  readonly keepGolden: boolean
  /** Older labels may say what is no longer true: neither replayed nor in the golden set. */
  readonly meaningChanged: boolean
}

export interface Selected {
  readonly train: readonly RetrainingPost[]
  readonly heldOut: readonly RetrainingPost[]
  readonly golden: readonly RetrainingPost[]
  readonly facts: DataFacts
}

/** Fewer held-out posts cannot show that anything is better. */
export const leastHeldOut = 30
const leastTrained = 30
/** Of the older posts, one in so many is kept for the golden set and never trained on. */
const goldenOf = 5

/**
 * Cuts labelled posts into what is trained on, the newest recent ones, which are held out, and older ones that must stay
 * right. Two posts with the same words are one post: texts on which labels differ are left out, and what occurs in the
 * hold-out occurs in no training. Whether an older text is golden is decided by its hash, so that it stays golden in
 * every retraining.
 *
 * @param posts label '' where people disagree
 * @returns the cut, or the reason why there is none
 */
export function selectData(
  posts: readonly RetrainingPost[],
  settings: SelectionSettings,
  random: Random,
): Selected | { readonly refused: string } {
  const { usable, leftOut } = usablePosts(posts, settings.labels)
  const newest = usable.at(-1)
  if (newest === undefined) return { refused: 'no labelled post can be used' }
  const from = newest.atMs - settings.recentMs
  const recent = usable.filter(({ atMs }) => atMs >= from)
  const wanted = Math.round(recent.length * settings.holdOut)
  const heldOutFrom = recent.at(-Math.max(1, wanted))?.atMs ?? newest.atMs
  const heldOut = recent.filter(({ atMs }) => atMs >= heldOutFrom)
  const fresh = recent.filter(({ atMs }) => atMs < heldOutFrom)
  if (heldOut.length < leastHeldOut) {
    return { refused: `${heldOut.length} labelled posts would be held out, at least ${leastHeldOut} are needed` }
  }
  if (fresh.length < leastTrained) {
    const reason = `${fresh.length} labelled posts older than the held-out ones are recent, at least ${leastTrained} are needed`
    return { refused: reason }
  }
  if (classesOf(heldOut).size < 2) return { refused: oneClass('held-out', heldOut) }
  if (classesOf(fresh).size < 2) return { refused: oneClass('recent', fresh) }

  const older = settings.meaningChanged ? [] : usable.filter(({ atMs }) => atMs < from)
  const isGolden = (post: RetrainingPost) => settings.keepGolden && fnv1a(keyOf(post.text)) % goldenOf === 0
  const share = Math.min(settings.replay, 0.95)
  const kept = fresh.slice(-Math.max(leastTrained, Math.round(settings.mostPosts * (1 - share))))
  const room = Math.max(0, settings.mostPosts - kept.length)
  const mostReplayed = Math.min(room, Math.round((kept.length * share) / (1 - share)))
  const replayed = sampled(
    older.filter((post) => !isGolden(post)),
    mostReplayed,
    random,
  )
  const golden = older.filter(isGolden)
  const train = [...replayed, ...kept]
  const facts: DataFacts = {
    train: train.length,
    replayed: replayed.length,
    heldOut: heldOut.length,
    heldOutFrom: new Date(heldOutFrom).toISOString(),
    golden: golden.length,
    leftOut: { ...leftOut, beyondCap: fresh.length - kept.length },
  }
  return { train, heldOut, golden, facts }
}

const classesOf = (posts: readonly RetrainingPost[]) => new Set(posts.map(({ label }) => label))
const oneClass = (which: string, [post]: readonly RetrainingPost[]) =>
  `all ${which} labels are ${post?.label}: nothing tells the classes apart`

/** Each text once, where it is newest, the oldest first; with what was left out. */
function usablePosts(posts: readonly RetrainingPost[], labels: readonly string[]) {
  const leftOut = { contradictory: 0, repeated: 0, foreign: 0, textless: 0 }
  const groups = new Map<string, RetrainingPost[]>()
  for (const post of posts) {
    if (post.label === '') leftOut.contradictory++
    else if (!labels.includes(post.label)) leftOut.foreign++
    else if (post.text.trim() === '') leftOut.textless++
    else {
      const key = keyOf(post.text)
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [post])
      else group.push(post)
    }
  }
  const usable: RetrainingPost[] = []
  for (const group of groups.values()) {
    if (classesOf(group).size > 1) {
      leftOut.contradictory += group.length
      continue
    }
    leftOut.repeated += group.length - 1
    usable.push(group.reduce((newest, post) => (post.atMs >= newest.atMs ? post : newest)))
  }
  usable.sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1))
  return { usable, leftOut }
}

/** Texts that differ only in links, names of people, case, signs and spaces have one key. */
function keyOf(text: string): string {
  const words = normalisers['social-1'](text)
    .toLowerCase()
    .match(/[\p{L}\p{N}\p{Extended_Pictographic}]+/gu)
  return words === null ? text : words.join(' ')
}

/** `most` of the posts, in their order (selection sampling: Knuth, The Art of Computer Programming 2, algorithm S). */
function sampled(posts: readonly RetrainingPost[], most: number, random: Random): RetrainingPost[] {
  let wanted = Math.min(most, posts.length)
  return posts.filter((_, at) => {
    const take = random() * (posts.length - at) < wanted
    if (take) wanted--
    return take
  })
}
