import { z } from 'zod'
import { count, flag, milliseconds, share } from './fields.ts'

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

/** Rows of the queries about labels and of the review queue, by the name of the file in `clickhouse/queries/`. */
export const labelQueries = {
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
} as const satisfies Record<string, z.ZodType>
