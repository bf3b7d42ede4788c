import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LabelRow } from '../../../../clickhouse/rows/labels.ts'
import { systemClock } from '../../../../core/clock.ts'
import { seededRandom } from '../../../../core/random.ts'
import type { Registry } from '../../../../models/registry/registry.ts'
import { type TrainOptions, trainModel } from '../../../../training/train-model.ts'
import type { RetrainingPost } from '../select-data.ts'

const plain = [
  'the',
  'train',
  'coffee',
  'today',
  'my',
  'phone',
  'a',
  'is',
  'with',
  'at',
  'this',
  'so',
  'on',
  'we',
  'was',
  'it',
]

/** Words that tell the class of a post. */
export interface Tell {
  readonly positive: readonly string[]
  readonly negative: readonly string[]
}

export const oldWords: Tell = {
  positive: ['lovely', 'great', 'thanks', 'happy', 'wonderful', 'superb'],
  negative: ['awful', 'late', 'broken', 'angry', 'terrible', 'dirty'],
}
/** What nobody said when the champion was trained. */
export const newWords: Tell = {
  positive: ['slaps', 'goated', 'bussin', 'ate', 'iconic', 'gas'],
  negative: ['mid', 'cringe', 'sus', 'cheugy', 'flop', 'yikes'],
}

export const startMs = Date.UTC(2026, 0, 5)

export interface PostOptions {
  readonly rows: number
  readonly seed: number
  readonly tell: Tell
  /** Event time of the first post; each next one is a minute later. */
  readonly fromMs: number
  readonly prefix: string
  readonly source?: string
  /** Share of labels that are the other class. */
  readonly noise?: number
}

/** Posts of two classes in which one word tells which. */
export function madePosts({
  rows,
  seed,
  tell,
  fromMs,
  prefix,
  source = 'demo',
  noise = 0,
}: PostOptions): RetrainingPost[] {
  const random = seededRandom(seed)
  const pick = (words: readonly string[]): string => words[Math.floor(random() * words.length)] ?? ''
  return Array.from({ length: rows }, (_, row) => {
    const label = random() < 0.5 ? 'negative' : 'positive'
    const filler = Array.from({ length: 5 + Math.floor(random() * 6) }, () => pick(plain))
    const text = [...filler, pick(tell[label]), pick(plain), pick(plain)].join(' ')
    const other = label === 'negative' ? 'positive' : 'negative'
    return {
      id: `${prefix}-${row}`,
      text,
      label: random() < noise ? other : label,
      atMs: fromMs + row * 60_000,
      source,
      lang: 'en',
      selectionProbability: 0.1,
    }
  })
}

export const labelRows = (posts: readonly RetrainingPost[], labelledAt: number): LabelRow[] =>
  posts.map(({ id, text, label, atMs, selectionProbability }) => ({
    post_id: id,
    labelled_by: 'ann',
    labelled_at: labelledAt,
    label,
    text,
    event_at: atMs,
    origin: 'review',
    selection_probability: selectionProbability,
    note: '',
  }))

/** Trains a small model in a few seconds. */
export async function trainSmall(
  posts: readonly RetrainingPost[],
  from: TrainOptions['from'],
  out: string,
  name = 'slang',
): Promise<void> {
  const labels = `${out}.jsonl`
  await writeFile(labels, posts.map((post) => JSON.stringify({ ...post, createdAt: post.atMs })).join('\n'))
  await trainModel({
    labels,
    from,
    out,
    name,
    license: 'Apache-2.0',
    holdOut: { share: 0 },
    evaluate: [],
    pretrain: undefined,
    teachers: [],
    replay: undefined,
    newWords: { most: 50, minFrequency: 5 },
    recipe: { batchSize: 16, epochs: 6 },
    variants: ['int8'],
    backend: 'wasm',
    workers: 1,
    seed: 1,
    clock: systemClock,
    signal: new AbortController().signal,
    onPhase: () => undefined,
    onProgress: () => undefined,
  })
}

/** Trains a small model on the old words and makes it champion. */
export async function publishChampion(registry: Registry, folder: string, name = 'slang'): Promise<string> {
  await mkdir(folder, { recursive: true })
  const out = join(folder, 'champion')
  const fromMs = startMs - 40 * 86_400_000
  await trainSmall(
    madePosts({ rows: 500, seed: 1, tell: oldWords, fromMs, prefix: 'old' }),
    { preset: 'convolution' },
    out,
    name,
  )
  const { version } = await registry.publish(out)
  await registry.setAlias(name, 'champion', version, { expected: undefined, by: 'test', reason: 'the first' })
  return out
}
