import { z } from 'zod'
import { Verdict } from './drift.ts'
import { count, flag, milliseconds } from './fields.ts'

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

/** Rows of the queries about alerts, and of what their rules look at, by the name of the file in `clickhouse/queries/`. */
export const alertQueries = {
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
  alert_silence: z.object({ name: z.string(), last_minute_ms: milliseconds }),
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
} as const satisfies Record<string, z.ZodType>
