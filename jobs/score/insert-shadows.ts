import type { ClickHouseClient } from '@clickhouse/client'
import { storeFailure } from '../../clickhouse/client.ts'
import type { ScoreRow } from '../../clickhouse/rows/scores.ts'

/**
 * Writes shadow rows of any partitions, at most once: no position depends on them, and a row whose answer was lost is not
 * worth a second one.
 *
 * @throws DriftlineError `SINK_UNAVAILABLE`
 */
export const insertShadows =
  (connect: () => ClickHouseClient) =>
  async (rows: readonly ScoreRow[]): Promise<void> => {
    try {
      const client = connect() // anew each time, as an embedded store may have another port by then
      try {
        await client.insert({ table: 'scores', values: rows, format: 'JSONEachRow' })
      } finally {
        await client.close()
      }
    } catch (error) {
      throw storeFailure(error, 'SINK_UNAVAILABLE')
    }
  }
