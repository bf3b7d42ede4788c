import { createHash } from 'node:crypto'
import type { AlertEvent, AlertRow } from '../../clickhouse/rows/alerts.ts'
import type { AlertRule } from '../../core/alert-settings.ts'

/** What of the stream a rule judged by itself: everything is `{ by: '', name: '' }`. */
export interface Group {
  readonly by: '' | 'model' | 'topic' | 'source' | 'hashtag'
  readonly name: string
}

/** What a look at a rule found for a group. */
export interface Finding {
  readonly group: Group
  /** Whether the rule's condition holds. */
  readonly holds: boolean
  readonly value: number
  readonly threshold: number
  /** A sentence for a person, with the numbers. */
  readonly summary: string
  readonly details: Readonly<Record<string, unknown>>
}

/**
 * An alert that is active. It is entered as `pending` when the condition begins to hold and the rule has `forSeconds`, and
 * as `firing` otherwise or once they have passed. It is left, and then forgotten here, by `cleared` from pending, at once
 * when the condition is gone, and by `resolved` from firing, when it was gone for `resolveSeconds`.
 */
export interface Alert {
  readonly id: string
  readonly group: Group
  readonly rule: string
  readonly state: 'pending' | 'firing'
  /** Of the newest row in `alerts`. */
  readonly step: number
  readonly startedAtMs: number
  /** 0 while pending. */
  readonly firedAtMs: number
  /** When people were last told, and which webhooks; 0 and none: never. */
  readonly notifiedAtMs: number
  readonly told: readonly string[]
  /** Since when the condition is gone; kept in memory only, so that a restart resolves later, never too early. */
  readonly goneSinceMs: number | undefined
  readonly last: Pick<AlertRow, 'kind' | 'severity' | 'value' | 'threshold' | 'summary' | 'details'>
}

/** What a look at a rule does to an alert: the alert afterwards, and the row to be written, if any. */
export interface Change {
  readonly alert: Alert | undefined
  readonly row: AlertRow | undefined
}

/** What a person who is paged needs to join the notices of one group of one rule: stable over time. */
export const fingerprint = (rule: string, group: Group): string => hashOf([rule, group.by, group.name])

const hashOf = (parts: readonly (string | number)[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)

/** Who is told of a rule's alerts now. */
export interface Telling {
  readonly webhooks: readonly string[]
  readonly muted: boolean
}

/**
 * One step of an alert. Pure: the row it returns is written before the alert it returns counts.
 *
 * @param before `undefined` when the group has no active alert
 * @param finding `undefined` when the rule said nothing of the group: its condition does not hold
 */
export function advance(
  rule: AlertRule,
  before: Alert | undefined,
  finding: Finding | undefined,
  nowMs: number,
  telling: Telling,
): Change {
  const holds = finding?.holds === true
  if (before === undefined) {
    if (finding === undefined || !holds) return { alert: undefined, row: undefined }
    const alert: Alert = {
      id: hashOf([rule.name, finding.group.by, finding.group.name, nowMs]),
      group: finding.group,
      rule: rule.name,
      state: 'pending',
      step: 0,
      startedAtMs: nowMs,
      firedAtMs: 0,
      notifiedAtMs: 0,
      told: [],
      goneSinceMs: undefined,
      last: saidBy(rule, finding),
    }
    return rule.forSeconds > 0 ? stepOf(alert, 'pending', nowMs, []) : fire(alert, nowMs, telling)
  }
  const alert = finding === undefined ? before : { ...before, last: saidBy(rule, finding) }
  if (alert.state === 'pending') {
    if (!holds) return end(alert, 'cleared', nowMs)
    if (nowMs - alert.startedAtMs >= rule.forSeconds * 1000) return fire(alert, nowMs, telling)
    return { alert, row: undefined }
  }
  if (!holds) {
    const goneSinceMs = alert.goneSinceMs ?? nowMs
    if (nowMs - goneSinceMs >= rule.resolveSeconds * 1000) return end(alert, 'resolved', nowMs)
    return { alert: { ...alert, goneSinceMs }, row: undefined }
  }
  const firing: Alert = { ...alert, goneSinceMs: undefined }
  const { webhooks, muted } = telling
  const silentMs = nowMs - alert.notifiedAtMs
  const due = alert.notifiedAtMs === 0 || (rule.repeatMinutes > 0 && silentMs >= rule.repeatMinutes * 60_000)
  if (muted || webhooks.length === 0 || !due) return { alert: firing, row: undefined }
  // What fired while it was muted is told as what it is: people hear of it for the first time.
  return stepOf(firing, alert.notifiedAtMs === 0 ? 'firing' : 'reminder', nowMs, webhooks)
}

/** Ends an alert, whatever became of its condition. Who was told that it fires is told of its end, muted or not. */
export const end = (alert: Alert, event: 'resolved' | 'cleared', nowMs: number): Change => ({
  alert: undefined,
  row: stepOf(alert, event, nowMs, event === 'resolved' ? alert.told : []).row,
})

const fire = (alert: Alert, nowMs: number, { webhooks, muted }: Telling): Change =>
  stepOf({ ...alert, state: 'firing', firedAtMs: nowMs }, 'firing', nowMs, muted ? [] : webhooks)

function stepOf(alert: Alert, event: AlertEvent, nowMs: number, webhooks: readonly string[]) {
  const step = alert.step + 1
  const telling = webhooks.length > 0
  const row: AlertRow = {
    alert_id: alert.id,
    step,
    at: nowMs,
    event,
    rule: alert.rule,
    ...alert.last,
    group_by: alert.group.by,
    group_name: alert.group.name,
    started_at: alert.startedAtMs,
    fired_at: alert.firedAtMs,
    notice_id: telling ? `${alert.id}-${step}` : '',
    webhooks,
  }
  const after = telling ? { notifiedAtMs: nowMs, told: webhooks } : {}
  return { alert: { ...alert, step, ...after }, row }
}

const saidBy = (rule: AlertRule, { value, threshold, summary, details }: Finding): Alert['last'] => ({
  kind: rule.kind,
  severity: rule.severity,
  value,
  threshold,
  summary,
  details: JSON.stringify(details),
})
