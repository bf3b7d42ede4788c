import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client'
import { DriftlineError, messageOf } from '../core/errors.ts'
import { storeFailure } from './client.ts'

/**
 * Appends rows in one insert, so that all are there or none is; durable when it resolves. No rows are no insert.
 *
 * @throws DriftlineError `SINK_UNAVAILABLE` when it is not known to be written; `WRITE_REJECTED` when ClickHouse refuses the
 *   rows for good
 */
export async function insertRows(
  client: ClickHouseClient,
  table: string,
  rows: readonly object[],
  signal?: AbortSignal,
): Promise<void> {
  if (rows.length === 0) return
  try {
    await client.insert({
      table,
      values: rows,
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
