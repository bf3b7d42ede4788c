import type { ClickHouseClient } from '@clickhouse/client'
import { storeFailure } from '../../clickhouse/client.ts'
import type { SwapRow } from '../../clickhouse/rows/scores.ts'

/**
 * Writes rows of `swaps` in one insert, durable when its promise resolves. Rows whose answer was lost may be written
 * again: they say the same.
 *
 * @throws DriftlineError `SINK_UNAVAILABLE`
 */
export const recordSwap =
  (connect: () => ClickHouseClient) =>
  async (rows: readonly SwapRow[]): Promise<void> => {
    try {
      const client = connect() // anew each time: swaps are rare, and an embedded store may have another port by then
      try {
        await client.insert({ table: 'swaps', values: rows, format: 'JSONEachRow' })
      } finally {
        await client.close()
      }
    } catch (error) {
      throw storeFailure(error, 'SINK_UNAVAILABLE')
    }
  }
