import type { ClickHouseClient } from '@clickhouse/client'
import { insertRows } from '../../clickhouse/insert-rows.ts'
import { type QueryRow, select } from '../../clickhouse/queries.ts'
import { CheckDetails, type CheckResult } from './check-result.ts'

/** Whether a check has been stored: its rows come in one insert, so they are all there or none is. */
export async function isStored(client: ClickHouseClient, checkId: string, signal?: AbortSignal): Promise<boolean> {
  const [row] = await select(client, 'drift_stored', { check_id: checkId }, signal)
  return (row?.rows ?? 0) > 0
}

/**
 * Writes the rows of a check unless they are there already: a check that is repeated, because a process died between the
 * check and its end or an answer was lost, is stored once. One process at a time may do this (see `withLease`).
 *
 * @returns false when it was stored before
 * @throws DriftlineError `SINK_UNAVAILABLE` when it is not known to be written; `WRITE_REJECTED` when it is refused for good
 */
export async function storeCheck(
  client: ClickHouseClient,
  result: CheckResult,
  signal?: AbortSignal,
): Promise<boolean> {
  if (await isStored(client, result.checkId, signal)) return false
  await insertRows(client, 'drift_checks', result.rows, signal)
  return true
}

export interface StoredCheck extends Omit<QueryRow<'drift_last'>, 'details'> {
  readonly details: CheckDetails
}

/** The newest checks of a model, the newest first. */
export async function lastChecks(
  client: ClickHouseClient,
  model: string,
  checks: number,
  signal?: AbortSignal,
): Promise<readonly StoredCheck[]> {
  const rows = await select(client, 'drift_last', { model_name: model, checks }, signal)
  return rows.map((row) => ({ ...row, details: CheckDetails.parse(JSON.parse(row.details)) }))
}
