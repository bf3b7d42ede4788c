import type { ClickHouseClient } from '@clickhouse/client'
import { insertRows } from './insert-rows.ts'
import type { LabelRow, ReviewRow } from './rows/labels.ts'

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
  for (let first = 0; first < rows.length; first += rowsPerInsert) {
    await insertRows(client, table, rows.slice(first, first + rowsPerInsert), signal)
  }
}
