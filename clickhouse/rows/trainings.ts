import { z } from 'zod'
import { count, flag, milliseconds, share } from './fields.ts'

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

/** Rows of the queries about retraining: its labels, how a new version does, and simulated loops, by the name of the file in `clickhouse/queries/`. */
export const trainingQueries = {
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
} as const satisfies Record<string, z.ZodType>
