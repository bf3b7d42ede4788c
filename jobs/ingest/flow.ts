import type { NewRecord } from '../../connectors/event-log.ts'
import { type Flow, flow } from '../../dataflow/flow.ts'
import { map } from '../../dataflow/operators/stateless.ts'
import type { Sink } from '../../dataflow/sink.ts'
import type { Source } from '../../dataflow/source.ts'
import { deadPostRecord, deadTopicOf } from '../../text/dead-post.ts'
import type { Row } from './rows.ts'

/**
 * Posts go to `topic`, dead rows to `<topic>.dead`, both in the transaction that files the position in the source.
 *
 * @param count told of each row on its way; a row that comes again after a failure is told again
 */
export const ingestFlow = (
  rows: Source<Row, number>,
  log: Sink<NewRecord, number>,
  topic: string,
  count: (row: Row) => void,
): Flow<number> =>
  flow('ingest')
    .from('rows', rows, { maxItems: 8192, maxWaitMs: 20 }) // a write costs an fsync, 4 to 12 ms
    .through(
      'records',
      map((row) => {
        count(row)
        return recordOf(row, topic)
      }),
    )
    .to('log', log)

function recordOf(row: Row, topic: string): NewRecord {
  if (row.kind === 'post') {
    return { topic, key: row.post.id, value: Buffer.from(JSON.stringify(row.post)) }
  }
  const { reason, origin, raw, rawBytes, deadAt } = row
  const value = deadPostRecord({ stage: 'ingest', code: 'POST_INVALID', reason, origin, raw, rawBytes, deadAt })
  return { topic: deadTopicOf(topic), key: null, value }
}
