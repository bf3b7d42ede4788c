import type { ClickHouseClient } from '@clickhouse/client'
import { insertRows } from '../../clickhouse/insert-rows.ts'
import { type QueryRow, select } from '../../clickhouse/queries.ts'
import type { AlertRow, DeliveryRow } from '../../clickhouse/rows/alerts.ts'
import type { Alert, Group } from './alert.ts'
import { alertRowOf, noticeOf } from './notice.ts'
import type { Outgoing } from './outbox.ts'

/** The alerts that are pending or fire. */
export async function activeAlerts(client: ClickHouseClient, signal?: AbortSignal): Promise<readonly Alert[]> {
  return (await select(client, 'alert_active', {}, signal)).map(alertOf)
}

const alertOf = (row: QueryRow<'alert_active'>): Alert => ({
  id: row.alert_id,
  group: { by: row.grouped_by as Group['by'], name: row.grouped_name },
  rule: row.rule_name,
  state: row.last_event === 'pending' ? 'pending' : 'firing',
  step: row.last_step,
  startedAtMs: row.started_at_ms,
  firedAtMs: row.fired_at_ms,
  notifiedAtMs: row.notified_at_ms,
  told: row.told,
  goneSinceMs: undefined,
  last: {
    kind: row.rule_kind,
    severity: row.last_severity,
    value: row.last_value,
    threshold: row.last_threshold,
    summary: row.last_summary,
    details: row.last_details,
  },
})

/** Notices that nobody has accepted or finally refused. */
export async function unsentNotices(client: ClickHouseClient, signal?: AbortSignal): Promise<readonly Outgoing[]> {
  const rows = await select(client, 'alert_outbox', {}, signal)
  return rows.map((row) => ({
    webhook: row.webhook,
    notice: noticeOf(alertRowOf(row)),
    attempts: row.attempts,
    dueMs: row.next_at_ms,
  }))
}

/**
 * Writes steps of alerts: one insert, so all are there or none is.
 *
 * @throws DriftlineError `SINK_UNAVAILABLE` when it is not known whether they are; `WRITE_REJECTED` when they are refused
 */
export const writeAlerts = (client: ClickHouseClient, rows: readonly AlertRow[], signal?: AbortSignal) =>
  insertRows(client, 'alerts', rows, signal)

/** @throws as `writeAlerts` */
export const writeDeliveries = (client: ClickHouseClient, rows: readonly DeliveryRow[], signal?: AbortSignal) =>
  insertRows(client, 'alert_deliveries', rows, signal)
