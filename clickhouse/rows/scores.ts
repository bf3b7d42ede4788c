import { z } from 'zod'
import { count, flag, milliseconds, share } from './fields.ts'

/** One row of `scores`, as JSONEachRow takes it. Times are epoch milliseconds (DateTime64(3, 'UTC')). */
export interface ScoreRow {
  readonly post_id: string
  readonly event_at: number
  readonly ingested_at: number
  readonly scored_at: number
  readonly source: string
  /** '' when the post names none. */
  readonly lang: string
  /** Keyed hash, '' when unknown. */
  readonly author: string
  readonly text: string
  /** Lower case, without the '#'. */
  readonly hashtags: readonly string[]
  /** The true label that a replayed post carries, '' when it carries none. */
  readonly given_label: string
  readonly meta: Readonly<Record<string, string>>
  readonly label: string
  /** Probability of `label`, 0 to 1. */
  readonly confidence: number
  /** In the order of the model's classes. */
  readonly probabilities: readonly number[]
  /** Highest minus second highest probability. */
  readonly margin: number
  readonly tokens: number
  readonly unknown_tokens: number
  /** Counts by name: urls, mentions, emoji, elongated, upper_case … */
  readonly signals: Readonly<Record<string, number>>
  readonly model_name: string
  readonly model_version: number
  /** 1: scored beside the champion, kept out of the views. */
  readonly shadow: 0 | 1
  /** The version whose post this was and that could not score it; 0: nobody stood in. */
  readonly stood_in_for: number
  readonly topic: string
  readonly topic_id: string
  readonly partition: number
  readonly offset: number
  readonly batch_id: string
  /** Model time of the run this post was in, divided by its posts. */
  readonly inference_us: number
}

/** One row of `dead_posts`: what could not become a post or a score, with the reason. */
export interface DeadPostRow {
  readonly dead_at: number
  /** Which step refused it: `ingest` or `score`. */
  readonly stage: string
  /** Error code of the catalogue. */
  readonly code: string
  readonly reason: string
  /** Where it came from, such as `file posts.jsonl line 7`. */
  readonly origin: string
  /** First bytes, base64, at most 64 KiB before encoding. */
  readonly raw_base64: string
  /** Size before it was capped. */
  readonly raw_bytes: number
  readonly topic: string
  readonly topic_id: string
  readonly partition: number
  readonly offset: number
}

/** One row of `swaps`: a model that began to score a partition, or could not. Offsets below `first_offset` are others'. */
export interface SwapRow {
  readonly swap_id: string
  readonly swapped_at: number
  /** '' for a model that follows no alias. */
  readonly alias: string
  readonly model_name: string
  /** 0 for the model that the job started with. */
  readonly from_version: number
  readonly to_version: number
  /** Scores what no canary scores from `first_offset` on. */
  readonly champion_version: number
  /** Which slots of the hash of post ids are a challenger's from `first_offset` on; `slot_to` is not among them. */
  readonly challengers: readonly {
    readonly version: number
    readonly shadow: 0 | 1
    readonly slot_from: number
    readonly slot_to: number
  }[]
  /** Of `to_version`, 0 to 1, where it is a challenger. */
  readonly share: number
  readonly topic: string
  readonly topic_id: string
  readonly partition: number
  readonly first_offset: number
  /** From the end of the partition's last batch before to the first batch after; 0 when they overlapped. */
  readonly pause_us: number
  /** To read, verify and warm it. */
  readonly load_ms: number
  readonly changed_by: string
  /**
   * `started` or `swapped`; `canary_` or `shadow_` with `started`, `changed` or `ended` for a challenger; or the code of
   * the error that kept a version from scoring.
   */
  readonly outcome: string
  readonly reason: string
}

const position = { topic_id: z.string(), partition: count }

/** Rows of the queries about what is in `scores`, `dead_posts` and `swaps`, by the name of the file in `clickhouse/queries/`. */
export const scoreQueries = {
  resume: z.object({ topic: z.string(), ...position, next_offset: count, rows: count }),
  resume_dead: z.object({ topic: z.string(), ...position, next_offset: count, rows: count }),
  totals: z.object({ topic: z.string(), ...position, posts: count, last_offset: count }),
  class_counts: z.object({ label: z.string(), posts: count }),
  class_counts_view: z.object({ label: z.string(), posts: count }),
  verify_offsets: z.object({
    ...position,
    rows: count,
    offsets: count,
    ahead: count,
    first_offset: count,
    position: count,
    dead_rows: count,
  }),
  verify_duplicates: z.object({ ...position, offset: count, rows: count }),
  verify_gaps: z.object({ from_offset: count, to_offset: count }),
  verify_versions: z.object({ ...position, offset: count, version: count, recorded: count }),
  live_seconds: z.object({ second: count, label: z.string(), posts: count }),
  live_newest: z.object({
    key: z.string(),
    post_id: z.string(),
    text: z.string(),
    cut: flag,
    label: z.string(),
    confidence: share,
    source: z.string(),
    scored_at_ms: count,
  }),
  live_hashtags_1m: z.object({ minute: count, tag: z.string(), labels: z.array(z.string()), counts: z.array(count) }),
  live_totals: z.object({ scored: count, dead: count }),
  live_last: z.object({ last_ms: count }),
  page_swaps: z.object({
    swapped_at_ms: milliseconds,
    model_name: z.string(),
    from_version: count,
    to_version: count,
    partitions: count,
    pause_us: count,
    load_ms: count,
    by: z.string(),
    outcome: z.string(),
    why: z.string(),
  }),
  verify_aggregates: z.object({ aggregate: z.string(), key: z.string(), projected: count, counted: count }),
} as const satisfies Record<string, z.ZodType>
