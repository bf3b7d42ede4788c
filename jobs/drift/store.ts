import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client'
import { storeFailure } from '../../clickhouse/client.ts'
import { type QueryRow, select } from '../../clickhouse/queries.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
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
  try {
    await client.insert({
      table: 'drift_checks',
      values: result.rows,
      format: 'JSONEachRow',
      clickhouse_settings: { async_insert: 0, input_format_skip_unknown_fields: 0 },
      ...(signal === undefined ? {} : { abort_signal: signal }),
    })
    return true
  } catch (error) {
    signal?.throwIfAborted()
    const failure = storeFailure(error, 'SINK_UNAVAILABLE')
    if (!(failure instanceof ClickHouseError)) throw failure
    const details = { table: 'drift_checks', reason: messageOf(failure), code: failure.code }
    throw new DriftlineError('WRITE_REJECTED', details, { cause: failure })
  }
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
