import type { ClickHouseClient } from '@clickhouse/client'
import type { NewestPost } from '../protocol.ts'
import { storeSession } from './store-session.ts'

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
/** Hashtags kept of each minute: a tag that is in the top ten of ten minutes is hardly ever below this in all of them. */
const tagsPerMinute = 200

/** @param connect as for `storeSession` */
export function clickhouseLiveStore(connect: () => ClickHouseClient): LiveStore & AsyncDisposable {
  const session = storeSession(connect)
  return {
    seconds: (from_ms) => session.select('live_seconds', { from_ms }),
    newest: async (from_ms, rows) =>
      (await session.select('live_newest', { from_ms, rows, text_length: textLength })).map(
        ({ post_id: id, scored_at_ms: scoredAtMs, ...rest }) => ({ ...rest, id, scoredAtMs }),
      ),
    hashtags: async (from_ms) =>
      (await session.select('live_hashtags_1m', { from_ms, rows: tagsPerMinute })).map(
        ({ minute, tag, labels, counts }) => ({
          minute,
          tag,
          counts: new Map(labels.map((label, n) => [label, counts[n] ?? 0])),
        }),
      ),
    totals: async () => (await session.select('live_totals'))[0] ?? { scored: 0, dead: 0 },
    positions: async (topic) =>
      (await session.select('resume', { topic })).map(({ topic_id: topicId, partition, next_offset: next }) => ({
        topicId,
        partition,
        next,
      })),
    lastScoredMs: async () => (await session.select('live_last'))[0]?.last_ms ?? 0,
    [Symbol.asyncDispose]: session[Symbol.asyncDispose],
  }
}
