import { z } from 'zod'
import { count, measured, milliseconds, share } from './fields.ts'

/** How a check judged a statistic, or everything together. */
export const Verdict = z.enum(['ok', 'warning', 'drift'])
export type Verdict = z.infer<typeof Verdict>

/** One row of `drift_checks`: a statistic of a segment, or (segment '', statistic 'verdict') what the whole check says. */
export interface DriftCheckRow {
  readonly check_id: string
  readonly checked_at: number
  /** Event time, [from, to). */
  readonly window_from: number
  readonly window_to: number
  readonly model_name: string
  readonly model_version: number
  /** '' for all posts, else `source=…` or `lang=…`. */
  readonly segment: string
  readonly statistic: string
  readonly value: number
  /** The value from which the statistic alone is an alarm. */
  readonly threshold: number
  /** `null` where the statistic is shown and not tested. */
  readonly p_value: number | null
  /** How large the change is, in the unit its smallest effect is configured in. */
  readonly effect: number
  readonly reference_rows: number
  readonly live_rows: number
  readonly verdict: Verdict
  /** JSON: jobs/drift/check-result.ts has its schema. */
  readonly details: string
}

/** Rows of the queries about drift checks, and of what they look at, by the name of the file in `clickhouse/queries/`. */
export const driftQueries = {
  page_checks: z.object({
    check_id: z.string(),
    checked_at_ms: milliseconds,
    from_ms: milliseconds,
    to_ms: milliseconds,
    model_name: z.string(),
    model_version: count,
    verdict: Verdict,
    live_rows: count,
    details: z.string(),
  }),
  page_check_rows: z.object({
    segment: z.string(),
    statistic: z.string(),
    value: measured,
    threshold: measured,
    p_value: measured,
    effect: measured,
    reference_rows: count,
    live_rows: count,
    verdict: Verdict,
    details: z.string(),
  }),
  page_history: z.object({
    statistic: z.string(),
    checked_at_ms: milliseconds,
    value: measured,
    threshold: measured,
    verdict: Verdict,
  }),
  drift_extent: z.object({ posts: count, first_ms: milliseconds, last_ms: milliseconds }),
  drift_nth_first: z.object({ at_ms: milliseconds, posts: count }),
  drift_nth_last: z.object({ at_ms: milliseconds, posts: count }),
  drift_edges: z.object({ edges_ms: z.array(milliseconds) }),
  drift_summary: z.object({
    block: count,
    source: z.string(),
    lang: z.string(),
    posts: count,
    by_class: z.record(z.string(), count),
    by_confidence: z.record(z.string(), count),
    all_tokens: count,
    all_unknown: count,
    tokens_squared: count,
    unknown_by_tokens: count,
    unknown_squared: count,
  }),
  drift_sample: z.object({
    post_id: z.string(),
    text: z.string(),
    label: z.string(),
    probabilities: z.array(z.number()),
    source: z.string(),
    lang: z.string(),
    tokens: count,
    unknown_tokens: count,
    hashtags: z.array(z.string()),
    block: count,
  }),
  drift_labelled: z.object({
    post_id: z.string(),
    text: z.string(),
    source: z.string(),
    lang: z.string(),
    tokens: count,
    unknown_tokens: count,
    label: z.string(),
    predicted: z.string(),
    probabilities: z.array(z.number()),
    selection_probability: share,
  }),
  drift_stored: z.object({ rows: count }),
  drift_last: z.object({
    check_id: z.string(),
    checked_at_ms: milliseconds,
    window_from_ms: milliseconds,
    window_to_ms: milliseconds,
    model_version: count,
    live_rows: count,
    verdict: Verdict,
    details: z.string(),
  }),
} as const satisfies Record<string, z.ZodType>
