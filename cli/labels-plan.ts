import type { QueryRow } from '../clickhouse/queries.ts'
import type { LabelOrigin, LabelRow } from '../clickhouse/rows/labels.ts'
import type { GivenLabel } from './labels-row.ts'

/** An answer and the person it is filed under. */
export interface NamedLabel extends GivenLabel {
  readonly by: string
}

export interface Named {
  readonly answers: readonly NamedLabel[]
  /** Rows that say what an earlier row of the file says. */
  readonly repeated: number
  /** Answers that a later answer of the same person in the file replaces. */
  readonly replaced: number
}

/**
 * Says who gave each answer. A row that names nobody is `by`'s; when such rows give a post different classes, they are taken for
 * different people (`by`, `by#2`, …), so that the contradiction is kept and counted instead of settled by the order of lines.
 * Of a named person the newest answer counts, and of equally old ones the last in the file.
 */
export function named(given: readonly GivenLabel[], by: string): Named {
  const kept = new Map<string, NamedLabel>()
  const nameless = new Map<string, string[]>()
  let [repeated, replaced] = [0, 0]
  for (const answer of given) {
    let person = answer.by
    if (person === undefined) {
      const classes = nameless.get(answer.postId) ?? []
      nameless.set(answer.postId, classes)
      if (classes.includes(answer.label)) {
        repeated++
        continue
      }
      classes.push(answer.label)
      person = classes.length === 1 ? by : `${by}#${classes.length}`
    }
    const key = JSON.stringify([answer.postId, person])
    const earlier = kept.get(key)
    if (earlier !== undefined) {
      if (earlier.label === answer.label) repeated++
      else replaced++
      if ((answer.atMs ?? Number.POSITIVE_INFINITY) < (earlier.atMs ?? Number.POSITIVE_INFINITY)) continue
    }
    kept.set(key, { ...answer, by: person })
  }
  return { answers: [...kept.values()], repeated, replaced }
}

export interface Plan {
  readonly rows: readonly LabelRow[]
  readonly added: number
  /** Another class than the person gave before, or what else was said about it. */
  readonly changed: number
  readonly unchanged: number
  /** Older than what the person said since. */
  readonly outdated: number
  /** Answers for posts that neither scores nor the queue know. */
  readonly unknownPosts: number
  /** Answers that are older than their posts: clocks differ. */
  readonly beforePost: number
  /** Posts whose answers, with those that were there, are not all the same. */
  readonly disagreements: number
}

export interface Known {
  readonly existing: readonly QueryRow<'labels_of'>[]
  readonly posts: readonly QueryRow<'posts_of'>[]
}

/**
 * What is to be written for some answers. What the table says already is not written again: importing a file twice
 * changes nothing.
 *
 * @param known all answers and posts of the ids in `answers`
 */
export function plan(answers: readonly NamedLabel[], known: Known, origin: LabelOrigin, nowMs: number): Plan {
  const key = (postId: string, by: string) => JSON.stringify([postId, by])
  const existing = new Map(known.existing.map((row) => [key(row.post_id, row.labelled_by), row]))
  const posts = new Map(known.posts.map((row) => [row.post_id, row]))
  const said = new Map<string, Map<string, string>>()
  const say = (postId: string, by: string, label: string) => {
    const people = said.get(postId) ?? new Map<string, string>()
    said.set(postId, people.set(by, label))
  }
  for (const row of known.existing) if (row.label !== '') say(row.post_id, row.labelled_by, row.label)

  const rows: LabelRow[] = []
  let [added, changed, unchanged, outdated, unknownPosts, beforePost] = [0, 0, 0, 0, 0, 0]
  for (const answer of answers) {
    const before = existing.get(key(answer.postId, answer.by))
    const post = posts.get(answer.postId)
    if (post === undefined) unknownPosts++
    const from = answer.origin ?? origin
    const queued = from === 'review' ? post?.selection_probability || undefined : undefined
    const row: LabelRow = {
      post_id: answer.postId,
      labelled_by: answer.by,
      labelled_at: answer.atMs ?? nowMs,
      label: answer.label,
      // What is stored stays, also once `scores` no longer has the post.
      text: post?.text ?? (before?.text || answer.text) ?? '',
      event_at: post?.event_at_ms ?? (before?.event_at_ms || answer.eventAtMs) ?? 0,
      origin: from,
      selection_probability: Math.fround(answer.probability ?? queued ?? 1),
      note: answer.note,
    }
    if (row.event_at > 0 && row.labelled_at < row.event_at) beforePost++
    if (before !== undefined && before.labelled_at_ms > row.labelled_at) outdated++
    else if (before !== undefined && same(before, row, answer.atMs !== undefined)) unchanged++
    else {
      if (before === undefined || before.label === '') added++
      else changed++
      rows.push(row)
      say(answer.postId, answer.by, answer.label)
    }
  }
  const touched = new Set(answers.map(({ postId }) => postId))
  const disagreements = [...touched].filter((id) => new Set(said.get(id)?.values()).size > 1).length
  return { rows, added, changed, unchanged, outdated, unknownPosts, beforePost, disagreements }
}

/** @param timed whether the file says when; otherwise the time of the first import stays */
function same(before: QueryRow<'labels_of'>, row: LabelRow, timed: boolean): boolean {
  return (
    before.label === row.label &&
    (!timed || before.labelled_at_ms === row.labelled_at) &&
    before.text === row.text &&
    before.event_at_ms === row.event_at &&
    before.origin === row.origin &&
    Math.fround(before.selection_probability) === row.selection_probability &&
    before.note === row.note
  )
}
