import { z } from 'zod'

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

/** Why a post was asked about. `audit` is the uniform random slice. */
export const strategies = ['margin', 'entropy', 'diversity', 'drift', 'audit'] as const
export type Strategy = (typeof strategies)[number]

/** Where an answer came from; an `adjudication` wins over all others. */
export const labelOrigins = ['review', 'import', 'replay', 'adjudication'] as const
export type LabelOrigin = (typeof labelOrigins)[number]

/** One row of `labels`: one person's answer for one post. Of the same person and post the newest counts. */
export interface LabelRow {
  readonly post_id: string
  readonly labelled_by: string
  readonly labelled_at: number
  /** '' for no answer: withdrawn, or passed over. */
  readonly label: string
  /** '' while the post is unknown. */
  readonly text: string
  /** 0 while the post is unknown. */
  readonly event_at: number
  readonly origin: LabelOrigin
  /** With which the post was chosen for labelling, above 0 to 1; 1 when it was labelled for a reason of its own. */
  readonly selection_probability: number
  readonly note: string
}

/** One row of `review_queue`: a post that people are asked about. */
export interface ReviewRow {
  readonly queued_at: number
  /** The check that asked. */
  readonly check_id: string
  readonly post_id: string
  readonly text: string
  readonly event_at: number
  readonly source: string
  readonly lang: string
  readonly model_name: string
  readonly model_version: number
  /** Of the model, in the order of `probabilities`. */
  readonly classes: readonly string[]
  /** What the model says. */
  readonly label: string
  readonly probabilities: readonly number[]
  readonly strategy: Strategy
  /** Of the post under all strategies together, above 0 to 1: its inverse is the weight in an estimate. */
  readonly selection_probability: number
}

/** What became of an alert in a step; `cleared`: it was pending and never fired. */
export const AlertEvent = z.enum(['pending', 'firing', 'reminder', 'resolved', 'cleared'])
export type AlertEvent = z.infer<typeof AlertEvent>

export const Severity = z.enum(['info', 'warning', 'critical'])
export type Severity = z.infer<typeof Severity>

/** One row of `alerts`: a step of an alert, and who is to be told of it. */
export interface AlertRow {
  readonly alert_id: string
  /** From 1. */
  readonly step: number
  readonly at: number
  readonly event: AlertEvent
  readonly rule: string
  readonly kind: string
  readonly severity: Severity
  /** What `group_name` is: `model`, `topic`, `source`, `hashtag`; '' for the whole stream. */
  readonly group_by: string
  readonly group_name: string
  readonly started_at: number
  /** 0 while it has not fired. */
  readonly fired_at: number
  readonly value: number
  readonly threshold: number
  readonly summary: string
  /** JSON: the other numbers of the rule's kind. */
  readonly details: string
  /** '' when nobody is to be told. */
  readonly notice_id: string
  readonly webhooks: readonly string[]
}

/** What became of an attempt to tell a webhook. */
export const DeliveryOutcome = z.enum(['delivered', 'retry', 'dead'])
export type DeliveryOutcome = z.infer<typeof DeliveryOutcome>

/** One row of `alert_deliveries`. */
export interface DeliveryRow {
  readonly notice_id: string
  readonly webhook: string
  /** From 1. */
  readonly attempt: number
  readonly at: number
  readonly outcome: DeliveryOutcome
  /** Of HTTP; 0 when there was no answer. */
  readonly status: number
  readonly reason: string
  readonly took_ms: number
  /** 0 when it is not tried again. */
  readonly next_at: number
}

/** One row of `trainings`: a step of a retraining. */
export interface TrainingRow {
  readonly training_id: string
  /** From 1. */
  readonly step: number
  readonly at: number
  readonly model_name: string
  readonly state: string
  readonly reason: string
  readonly started_by: string
  readonly check_id: string
  readonly promotion: string
  readonly from_version: number
  /** 0 before there is one. */
  readonly to_version: number
  readonly holder: string
  readonly labels: number
  readonly replayed: number
  readonly held_out: number
  readonly golden: number
  readonly left_out: number
  readonly gates_failed: readonly string[]
  readonly step_ms: number
}

export const quoteIdentifier = (name: string): string => `\`${name.replace(/[\\`]/g, '\\$&')}\``

const count = z.number().int().nonnegative()
const milliseconds = z.number().int()
const share = z.number().min(0).max(1)
/** JSON has no NaN and no infinity; ClickHouse says null instead. */
const measured = z.number().nullable()
const flag = z.union([z.literal(0), z.literal(1)]).transform((value) => value === 1)
const answers = { answers: count, agreeing: count, adjudicated: flag, origins: z.array(z.string()) }
const labelAnswer = z.object({
  post_id: z.string(),
  labelled_by: z.string(),
  labelled_at_ms: milliseconds,
  label: z.string(),
  text: z.string(),
  event_at_ms: milliseconds,
  origin: z.enum(labelOrigins),
  selection_probability: share,
  note: z.string(),
})
const queuedPost = z.object({
  post_id: z.string(),
  text: z.string(),
  event_at_ms: milliseconds,
  source: z.string(),
  lang: z.string(),
  classes: z.array(z.string()),
  strategy: z.enum(strategies),
  selection_probability: share,
})
const position = { topic_id: z.string(), partition: count }

const lastOfAlert = {
  alert_id: z.string(),
  last_event: AlertEvent,
  rule_name: z.string(),
  rule_kind: z.string(),
  last_severity: Severity,
  grouped_by: z.string(),
  grouped_name: z.string(),
  started_at_ms: milliseconds,
  fired_at_ms: milliseconds,
  last_value: z.number(),
  last_threshold: z.number(),
  last_summary: z.string(),
}

/** What the queries of `clickhouse/queries/` return, by the name of the file; the page's (`live_*`) are read by the dashboard. */
export const queryRows = {
  alert_active: z.object({
    ...lastOfAlert,
    last_step: count,
    notified_at_ms: milliseconds,
    told: z.array(z.string()),
    last_details: z.string(),
  }),
  alert_history: z.object({ ...lastOfAlert, at_ms: milliseconds }),
  alert_outbox: z.object({
    notice_id: z.string(),
    webhook: z.string(),
    alert_id: z.string(),
    step: count,
    at_ms: milliseconds,
    event: AlertEvent,
    rule: z.string(),
    kind: z.string(),
    severity: Severity,
    group_by: z.string(),
    group_name: z.string(),
    started_at_ms: milliseconds,
    fired_at_ms: milliseconds,
    value: z.number(),
    threshold: z.number(),
    summary: z.string(),
    details: z.string(),
    attempts: count,
    next_at_ms: milliseconds,
  }),
  alert_deliveries_of: z.object({
    alert_id: z.string(),
    event: AlertEvent,
    webhook: z.string(),
    noticed_at_ms: milliseconds,
    attempts: count,
    outcome: z.union([DeliveryOutcome, z.literal('')]),
    status: count,
    reason: z.string(),
  }),
  alert_drift: z.object({
    check_id: z.string(),
    checked_at_ms: milliseconds,
    model_version: count,
    verdict: Verdict,
    state: z.string(),
    headline: z.string(),
    estimate_failed: flag,
  }),
  alert_errors: z.object({ scored: count, dead: count, codes: z.record(z.string(), count) }),
  alert_seasons: z.object({ season: count }),
  alert_spike: z.object({
    name: z.string(),
    candidates: count,
    live: count,
    live_chosen: count,
    past_seasons: z.array(count),
    past_posts: z.array(count),
    past_chosen: z.array(count),
  }),
  alert_sentiment: z.object({ name: z.string(), total: count, labels: z.array(z.string()), counts: z.array(count) }),
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
  labels_effective: z.object({
    post_id: z.string(),
    text: z.string(),
    event_at_ms: milliseconds,
    label: z.string(),
    ...answers,
    tied: flag,
    selection_probability: share,
    labelled_at_ms: milliseconds,
  }),
  labelled_scores: z.object({
    post_id: z.string(),
    text: z.string(),
    event_at_ms: milliseconds,
    labelled_at_ms: milliseconds,
    source: z.string(),
    lang: z.string(),
    label: z.string(),
    predicted: z.string(),
    confidence: z.number(),
    probabilities: z.array(z.number()),
    selection_probability: share,
    ...answers,
    model_name: z.string(),
    model_version: count,
    shadow: flag,
  }),
  labels_of: labelAnswer,
  label_answers: labelAnswer,
  label_disputes: z.object({ answers: z.array(z.string()) }),
  posts_of: z.object({
    post_id: z.string(),
    text: z.string(),
    event_at_ms: milliseconds,
    selection_probability: share,
  }),
  review_next: queuedPost,
  review_post: queuedPost,
  review_disputes: queuedPost,
  review_progress: z.object({
    asked: count,
    answered: count,
    disputed: count,
    labelled: count,
    queued_at_ms: milliseconds,
  }),
  review_people: z.object({ labelled_by: z.string(), answers: count, skipped: count }),
  reveal_queue: z.object({
    post_id: z.string(),
    text: z.string(),
    event_at_ms: milliseconds,
    label: z.string(),
    selection_probability: share,
  }),
  reveal_sample: z.object({ post_id: z.string(), text: z.string(), event_at_ms: milliseconds, label: z.string() }),
  simulated_posts: z.object({
    post_id: z.string(),
    text: z.string(),
    event_at_ms: milliseconds,
    given_label: z.string(),
    label: z.string(),
    model_version: count,
    labelled: flag,
  }),
  simulated_steps: z.object({
    training_id: z.string(),
    at_ms: milliseconds,
    state: z.string(),
    reason: z.string(),
    from_version: count,
    to_version: count,
    labels: count,
    gates_failed: z.array(z.string()),
  }),
  review_population: z.object({ posts: count }),
  review_candidates: z.object({
    post_id: z.string(),
    text: z.string(),
    event_at_ms: milliseconds,
    source: z.string(),
    lang: z.string(),
    label: z.string(),
    probabilities: z.array(z.number()),
  }),
  review_open: z.object({ open: count, asked: count }),
  retraining_labels: z.object({
    post_id: z.string(),
    text: z.string(),
    event_at_ms: milliseconds,
    label: z.string(),
    selection_probability: share,
    source: z.string(),
    lang: z.string(),
  }),
  label_count: z.object({ labels: count }),
  watched_blocks: z.object({ block_ms: milliseconds, label: z.string(), posts: count, confidence_sum: z.number() }),
  failed_blocks: z.object({ block_ms: milliseconds, posts: count }),
  labels_since: z.object({
    post_id: z.string(),
    text: z.string(),
    label: z.string(),
    selection_probability: share,
    labelled_at_ms: milliseconds,
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
  verify_aggregates: z.object({ aggregate: z.string(), key: z.string(), projected: count, counted: count }),
} as const satisfies Record<string, z.ZodType>
