import { createHash, createHmac } from 'node:crypto'
import type { QueryRow } from '../../clickhouse/queries.ts'
import type { AlertRow } from '../../clickhouse/rows/alerts.ts'
import { type AlertRule, secretBytes } from '../../core/alert-settings.ts'
import { fingerprint, type Group } from './alert.ts'

/** What a receiver is told. `schema` changes when a receiver of the one before could misread it; fields may be added. */
export interface Notice {
  readonly type: 'alert.firing' | 'alert.reminder' | 'alert.resolved' | 'alert.test'
  /** ISO 8601: when the alert took this step. */
  readonly timestamp: string
  readonly data: {
    readonly schema: 1
    /** Of this alert, from its first notice to `alert.resolved`. */
    readonly alertId: string
    /** Of this rule and group, whenever they alert: what PagerDuty calls `dedup_key`. */
    readonly fingerprint: string
    readonly rule: string
    readonly kind: string
    readonly severity: string
    readonly state: 'firing' | 'resolved'
    /** `null` for the whole stream. */
    readonly group: { readonly by: string; readonly name: string } | null
    readonly startedAt: string
    readonly firedAt: string
    /** `null` while it fires. */
    readonly resolvedAt: string | null
    readonly value: number
    readonly threshold: number
    readonly summary: string
    readonly details: unknown
  }
}

/** A notice on its way: the same at each attempt and after a restart, because it is made from what is stored. */
export interface QueuedNotice {
  readonly id: string
  readonly alertId: string
  readonly step: number
  readonly atMs: number
  readonly notice: Notice
}

const iso = (ms: number): string => new Date(ms).toISOString()
const types = { firing: 'alert.firing', reminder: 'alert.reminder', resolved: 'alert.resolved' } as const

export function noticeOf(row: AlertRow): QueuedNotice {
  const { event } = row
  if (event === 'pending' || event === 'cleared') throw new Error(`nobody is told of '${event}'`)
  const group = { by: row.group_by, name: row.group_name }
  return {
    id: row.notice_id,
    alertId: row.alert_id,
    step: row.step,
    atMs: row.at,
    notice: {
      type: types[event],
      timestamp: iso(row.at),
      data: {
        schema: 1,
        alertId: row.alert_id,
        fingerprint: fingerprint(row.rule, group as Group),
        rule: row.rule,
        kind: row.kind,
        severity: row.severity,
        state: event === 'resolved' ? 'resolved' : 'firing',
        group: group.by === '' ? null : group,
        startedAt: iso(row.started_at),
        firedAt: iso(row.fired_at),
        resolvedAt: event === 'resolved' ? iso(row.at) : null,
        value: row.value,
        threshold: row.threshold,
        summary: row.summary,
        details: JSON.parse(row.details),
      },
    },
  }
}

/** A row of the outbox as the row of `alerts` that it is. */
export const alertRowOf = (row: QueryRow<'alert_outbox'>): AlertRow => ({
  ...row,
  at: row.at_ms,
  started_at: row.started_at_ms,
  fired_at: row.fired_at_ms,
  webhooks: [row.webhook],
})

const words = { firing: 'firing', resolved: 'resolved' } as const

/** One line of text, for `format: slack`: what could be markup or a mention is escaped as Slack asks. */
export function slackText({ type, data }: Notice): string {
  const word = type === 'alert.test' ? 'test' : type === 'alert.reminder' ? 'still firing' : words[data.state]
  const said = `[${word}] ${data.severity}: ${data.rule} – ${data.summary}`
  return said.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign] ?? sign)
}

/**
 * The headers that Standard Webhooks asks for: `v1,` and base64 of HMAC-SHA256 over `<id>.<seconds>.<body>`, one for each
 * secret (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 *
 * @param secrets `whsec_…`; none gives no signature
 */
export function signedHeaders(id: string, nowMs: number, body: string, secrets: readonly string[]) {
  const seconds = Math.floor(nowMs / 1000)
  const signatures = secrets.map((secret) => {
    const key = secretBytes(secret)
    if (key === undefined) throw new Error('a secret that the configuration let pass is none')
    return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    ...(signatures.length > 0 && { 'webhook-signature': signatures.join(' ') }),
  }
}

/** What `driftline alerts test` sends: of type `alert.test`, and otherwise like an alert that fires. */
export function testNotice(rule: AlertRule | undefined, nowMs: number): Notice {
  const at = iso(nowMs)
  const name = rule?.name ?? 'test'
  const alertId = createHash('sha256').update(`test ${name} ${nowMs}`).digest('hex').slice(0, 32)
  return {
    type: 'alert.test',
    timestamp: at,
    data: {
      schema: 1,
      alertId,
      fingerprint: fingerprint(name, { by: '', name: '' }),
      rule: name,
      kind: rule?.kind ?? 'test',
      severity: rule?.severity ?? 'info',
      state: 'firing',
      group: null,
      startedAt: at,
      firedAt: at,
      resolvedAt: null,
      value: 0,
      threshold: 0,
      summary: 'this is a test of Driftline; nothing has happened',
      details: {},
    },
  }
}
