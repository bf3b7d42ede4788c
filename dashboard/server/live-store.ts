import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client'
import { z } from 'zod'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import { packageRoot } from '../../core/package-root.ts'
import type { NewestPost } from '../protocol.ts'

export interface SecondCount {
  /** Seconds since the epoch. */
  readonly second: number
  readonly label: string
  readonly posts: number
}

export interface MinuteTag {
  /** When the minute began, in seconds since the epoch. */
  readonly minute: number
  readonly tag: string
  readonly counts: ReadonlyMap<string, number>
}

export interface Totals {
  readonly scored: number
  readonly dead: number
}

/** How far the rows of one partition reach. */
export interface RowPosition {
  /** A topic deleted and made anew has another identity, and starts at 0 again. */
  readonly topicId: string
  readonly partition: number
  /** The offset after the last one in `scores`. */
  readonly next: number
}

/**
 * What the live page asks of ClickHouse, each bounded in time.
 *
 * Each throws `STORE_UNAVAILABLE` while ClickHouse is away or has no tables yet.
 */
export interface LiveStore {
  seconds(fromMs: number): Promise<readonly SecondCount[]>
  /** Newest first. */
  newest(fromMs: number, rows: number): Promise<readonly NewestPost[]>
  /** The most used hashtags of each minute. */
  hashtags(fromMs: number): Promise<readonly MinuteTag[]>
  totals(): Promise<Totals>
  positions(topic: string): Promise<readonly RowPosition[]>
  /** When a post was scored last; 0 when none ever was. */
  lastScoredMs(): Promise<number>
}

/** Characters of a post that the page gets. */
const textLength = 600
/** A page is no reason to keep the store from its inserts for longer. */
const longestQuerySeconds = 4
/** A store that hangs is as good as away. */
const longestAnswerMs = 5_000
/** Hashtags kept of each minute: a tag that is in the top ten of ten minutes is hardly ever below this in all of them. */
const tagsPerMinute = 200

// ClickHouse may write 64-bit integers as strings, which `z.coerce` reads too.
const count = z.coerce.number().int().nonnegative()
const SecondRow = z.object({ second: count, label: z.string(), posts: count })
const TagRow = z.object({ minute: count, tag: z.string(), labels: z.array(z.string()), counts: z.array(count) })
const PositionRow = z
  .object({ topic_id: z.string(), partition: count, next_offset: count })
  .transform(({ topic_id, partition, next_offset }) => ({ topicId: topic_id, partition, next: next_offset }))
const LastRow = z.tuple([z.object({ last_ms: count })])
const TotalsRow = z.tuple([z.object({ scored: count, dead: count })])
const NewestRow = z
  .object({
    key: z.string(),
    post_id: z.string(),
    text: z.string(),
    cut: z.coerce.boolean(),
    label: z.string(),
    confidence: z.number().min(0).max(1),
    source: z.string(),
    scored_at_ms: count,
  })
  .transform(({ post_id, scored_at_ms, ...rest }) => ({ ...rest, id: post_id, scoredAtMs: scored_at_ms }))

const sql = (name: string): string => readFileSync(join(packageRoot, 'clickhouse/queries', `${name}.sql`), 'utf8')

/**
 * @param connect makes a client, or throws while there is nothing to connect to. Called on first use, and again after a
 *   query failed, since the embedded store may come back on another port.
 */
export function clickhouseLiveStore(connect: () => ClickHouseClient): LiveStore & AsyncDisposable {
  const text = {
    seconds: sql('live_seconds'),
    newest: sql('live_newest'),
    hashtags: sql('live_hashtags_1m'),
    totals: sql('live_totals'),
    last: sql('live_last'),
    positions: sql('resume'),
  }
  let client: ClickHouseClient | undefined

  async function rows(query: string, query_params: Record<string, unknown>): Promise<unknown> {
    client ??= connect()
    const used = client
    const late = AbortSignal.timeout(longestAnswerMs)
    try {
      const result = await used.query({
        query,
        query_params,
        format: 'JSONEachRow',
        clickhouse_settings: { max_execution_time: longestQuerySeconds },
        abort_signal: late,
      })
      return await result.json()
    } catch (error) {
      if (client === used) client = undefined
      await used.close()
      const reason = late.aborted ? `no answer within ${longestAnswerMs / 1000} s` : reasonOf(error)
      throw new DriftlineError('STORE_UNAVAILABLE', { reason }, { cause: error })
    }
  }

  return {
    seconds: async (from_ms) => z.array(SecondRow).parse(await rows(text.seconds, { from_ms })),
    newest: async (from_ms, limit) =>
      z.array(NewestRow).parse(await rows(text.newest, { from_ms, rows: limit, text_length: textLength })),
    hashtags: async (from_ms) =>
      z
        .array(TagRow)
        .parse(await rows(text.hashtags, { from_ms, rows: tagsPerMinute }))
        .map(({ minute, tag, labels, counts }) => ({
          minute,
          tag,
          counts: new Map(labels.map((label, n) => [label, counts[n] ?? 0])),
        })),
    totals: async () => TotalsRow.parse(await rows(text.totals, {}))[0],
    positions: async (topic) => z.array(PositionRow).parse(await rows(text.positions, { topic })),
    lastScoredMs: async () => LastRow.parse(await rows(text.last, {}))[0].last_ms,
    [Symbol.asyncDispose]: async () => client?.close(),
  }
}

/** UNKNOWN_TABLE and UNKNOWN_DATABASE: it runs, and nobody has made the tables. */
const notMigrated: readonly string[] = ['60', '81']

const reasonOf = (error: unknown): string =>
  error instanceof ClickHouseError && notMigrated.includes(error.code) ? 'it has no tables yet' : messageOf(error)
