import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client'
import { DriftlineError, messageOf } from '../core/errors.ts'
import { storeFailure } from './client.ts'
import type { LabelRow, ReviewRow } from './rows.ts'

/** Rows of one insert: far below what one block holds. */
const rowsPerInsert = 10_000

/**
 * Appends answers. Of the same person and post the newest counts, so writing the same rows again changes nothing.
 *
 * @throws DriftlineError `SINK_UNAVAILABLE` when it is not known to be written; send the same rows again
 * @throws DriftlineError `WRITE_REJECTED` when ClickHouse refuses the rows for good
 */
export const insertLabels = (client: ClickHouseClient, rows: readonly LabelRow[], signal?: AbortSignal) =>
  append(client, 'labels', rows, signal)

/** Appends posts to the review queue. Throws as `insertLabels` does; posts that are queued already are the caller's to leave out. */
export const insertReviews = (client: ClickHouseClient, rows: readonly ReviewRow[], signal?: AbortSignal) =>
  append(client, 'review_queue', rows, signal)

async function append(
  client: ClickHouseClient,
  table: 'labels' | 'review_queue',
  rows: readonly (LabelRow | ReviewRow)[],
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    for (let first = 0; first < rows.length; first += rowsPerInsert) {
      await client.insert({
        table,
        values: rows.slice(first, first + rowsPerInsert),
        format: 'JSONEachRow',
        clickhouse_settings: { async_insert: 0, input_format_skip_unknown_fields: 0 },
        ...(signal === undefined ? {} : { abort_signal: signal }),
      })
    }
  } catch (error) {
    signal?.throwIfAborted()
    const failure = storeFailure(error, 'SINK_UNAVAILABLE')
    if (!(failure instanceof ClickHouseError)) throw failure
    const details = { table, reason: messageOf(failure), code: failure.code }
    throw new DriftlineError('WRITE_REJECTED', details, { cause: failure })
  }
}
