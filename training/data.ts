import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { z } from 'zod'
import { DriftlineError, messageOf } from '../core/errors.ts'
import type { Random } from '../core/random.ts'
import { shuffled } from './data-batches.ts'

const Name = z.union([z.string(), z.number().transform(String)]).nullish()
const Time = z.union([z.iso.datetime({ offset: true }), z.number().int()]).nullish()

/** One labelled post of a JSON Lines file, under the names that ingest takes; other fields are ignored. */
const LabelledRow = z.object({
  text: z.string(),
  label: Name,
  id: Name,
  createdAt: Time,
  created_at: Time,
  ts: Time,
  timestamp: Time,
})

export interface LabelledPost {
  readonly text: string
  readonly label: string
  /** Epoch milliseconds, where the row has a time. */
  readonly atMs: number | undefined
}

export interface LabelledPosts {
  readonly posts: readonly LabelledPost[]
  /** Rows without a label, which a stream may well have. */
  readonly unlabelled: number
  /** Rows whose text and label had been seen. */
  readonly repeated: number
  /** Rows of texts that carry different labels; none of them is used. */
  readonly contradictory: number
}

/**
 * Reads labelled posts from JSON Lines, gzip-compressed when the name ends in `.gz`.
 *
 * @throws DriftlineError `SOURCE_UNAVAILABLE`; `LABELS_INVALID` with the line of the first row that is not a labelled
 *   post, or when one id has two labels, or when nothing is left
 */
export async function readLabelledPosts(path: string, signal?: AbortSignal): Promise<LabelledPosts> {
  const rows: { post: LabelledPost; id: string | null | undefined }[] = []
  let unlabelled = 0
  let read = 0
  let line = 0
  try {
    for (const text of await lines(path, signal)) {
      line++
      if (text.trim() === '') continue
      read++
      const row = LabelledRow.parse(JSON.parse(text))
      if (row.label == null || row.label.trim() === '' || row.text.trim() === '') {
        unlabelled++
        continue
      }
      const at = row.createdAt ?? row.created_at ?? row.ts ?? row.timestamp ?? undefined
      const atMs = typeof at === 'string' ? Date.parse(at) : at
      rows.push({ post: { text: row.text, label: row.label, atMs }, id: row.id })
    }
  } catch (error) {
    throw unreadable(error, path, line, signal)
  }
  refuseTwoLabels(rows, path)
  const kept = distinct(rows.map(({ post }) => post))
  if (kept.posts.length === 0) {
    const { contradictory } = kept
    const reason = contradictory > 0 ? 'every text is labelled in more than one way' : 'no labelled post'
    throw new DriftlineError('LABELS_INVALID', { reason, path, rows: read, unlabelled, contradictory })
  }
  return { ...kept, unlabelled }
}

/** Texts of a JSON Lines file, labelled or not, each once. @throws DriftlineError `SOURCE_UNAVAILABLE`, `LABELS_INVALID` */
export async function readTexts(path: string, signal?: AbortSignal): Promise<readonly string[]> {
  const texts = new Set<string>()
  let line = 0
  try {
    for (const row of await lines(path, signal)) {
      line++
      if (row.trim() !== '') texts.add(z.object({ text: z.string() }).parse(JSON.parse(row)).text)
    }
  } catch (error) {
    throw unreadable(error, path, line, signal)
  }
  return [...texts].filter((text) => text.trim() !== '')
}

function unreadable(error: unknown, path: string, line: number, signal: AbortSignal | undefined): DriftlineError {
  signal?.throwIfAborted()
  if (error instanceof DriftlineError) return error
  const reason = error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : messageOf(error)
  return new DriftlineError('LABELS_INVALID', { reason, path, ...(line > 0 && { line }) }, { cause: error })
}

/** Whole in memory: a file of labels is what people have read, or some hundred thousand rows at most. */
async function lines(path: string, signal: AbortSignal | undefined): Promise<readonly string[]> {
  const bytes = await readFile(path, { signal }).catch((error: unknown) => {
    signal?.throwIfAborted()
    throw new DriftlineError('SOURCE_UNAVAILABLE', { reason: messageOf(error), path }, { cause: error })
  })
  const text = path.endsWith('.gz') ? await gunzipAsync(bytes) : bytes
  return text.toString('utf8').split('\n')
}

const gunzipAsync = promisify(gunzip)

function refuseTwoLabels(rows: readonly { post: LabelledPost; id: string | null | undefined }[], path: string): void {
  const labels = new Map<string, string>()
  for (const { post, id } of rows) {
    if (id == null) continue
    const known = labels.get(id)
    if (known !== undefined && known !== post.label) {
      const reason = `post ${id} is labelled both ${known} and ${post.label}`
      throw new DriftlineError('LABELS_INVALID', { reason, path })
    }
    labels.set(id, post.label)
  }
}

/** Each text once, the first time it occurs; texts with more than one label are left out. */
function distinct(all: readonly LabelledPost[]): Omit<LabelledPosts, 'unlabelled'> {
  const labels = new Map<string, Set<string>>()
  for (const { text, label } of all) {
    const known = labels.get(text)
    if (known === undefined) labels.set(text, new Set([label]))
    else known.add(label)
  }
  const posts: LabelledPost[] = []
  const seen = new Set<string>()
  let contradictory = 0
  for (const post of all) {
    if ((labels.get(post.text)?.size ?? 0) > 1) contradictory++
    else if (!seen.has(post.text)) {
      seen.add(post.text)
      posts.push(post)
    }
  }
  return { posts, repeated: all.length - posts.length - contradictory, contradictory }
}

/** Where training data ends and held-out data begins. */
export type HoldOut = { readonly share: number } | { readonly fromMs: number }

export interface Split {
  readonly train: readonly LabelledPost[]
  readonly heldOut: readonly LabelledPost[]
}

/**
 * Holds out the newest posts, because a model is used on what comes after its training. When a post has no time, a
 * random share stands in.
 *
 * @throws DriftlineError `LABELS_INVALID` when a side would be empty or a time is asked for that posts do not have
 */
export function split(posts: readonly LabelledPost[], holdOut: HoldOut, random: Random): Split {
  const timed = posts.every(({ atMs }) => atMs !== undefined)
  const sides = (ordered: readonly LabelledPost[], at: number) => ({
    train: ordered.slice(0, at),
    heldOut: ordered.slice(at),
  })
  let result: Split
  if ('fromMs' in holdOut) {
    if (!timed) throw new DriftlineError('LABELS_INVALID', { reason: 'a hold-out by time needs a time on every post' })
    const late = (post: LabelledPost) => (post.atMs ?? 0) >= holdOut.fromMs
    result = { train: posts.filter((post) => !late(post)), heldOut: posts.filter(late) }
  } else {
    const at = Math.round(posts.length * (1 - holdOut.share))
    result = timed
      ? sides(
          [...posts].sort((a, b) => (a.atMs ?? 0) - (b.atMs ?? 0)),
          at,
        )
      : sides(shuffled(posts, random), at)
  }
  const wanted = 'fromMs' in holdOut || holdOut.share > 0
  if (result.train.length === 0 || (wanted && result.heldOut.length === 0)) {
    const details = { reason: 'the hold-out leaves one side empty', posts: posts.length, ...holdOut }
    throw new DriftlineError('LABELS_INVALID', details)
  }
  return result
}
