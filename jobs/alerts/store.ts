import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client'
import { storeFailure } from '../../clickhouse/client.ts'
import { type QueryRow, select } from '../../clickhouse/queries.ts'
import type { AlertRow, DeliveryRow } from '../../clickhouse/rows.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
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
  write(client, 'alerts', rows, signal)

/** @throws as `writeAlerts` */
export const writeDeliveries = (client: ClickHouseClient, rows: readonly DeliveryRow[], signal?: AbortSignal) =>
  write(client, 'alert_deliveries', rows, signal)

async function write(
  client: ClickHouseClient,
  table: string,
  values: readonly (AlertRow | DeliveryRow)[],
  signal?: AbortSignal,
): Promise<void> {
  if (values.length === 0) return
  try {
    await client.insert({
      table,
      values,
      format: 'JSONEachRow',
      clickhouse_settings: { async_insert: 0, input_format_skip_unknown_fields: 0 },
      ...(signal === undefined ? {} : { abort_signal: signal }),
    })
  } catch (error) {
    signal?.throwIfAborted()
    const failure = storeFailure(error, 'SINK_UNAVAILABLE')
    if (!(failure instanceof ClickHouseError)) throw failure
    const details = { table, reason: messageOf(failure), code: failure.code }
    throw new DriftlineError('WRITE_REJECTED', details, { cause: failure })
  }
}
