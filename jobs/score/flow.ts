import type { LoggedRow } from '../../connectors/clickhouse.ts'
import type { LogRecord, Offset } from '../../connectors/event-log.ts'
import { flow } from '../../dataflow/flow.ts'
import { map } from '../../dataflow/operators/stateless.ts'
import type { Sink } from '../../dataflow/sink.ts'
import type { Source } from '../../dataflow/source.ts'
import { type Parsed, parseRecord } from './parse.ts'

export interface BatchLimits {
  /** Posts read, scored and written together. */
  readonly maxItems: number
  /** Longest wait for a batch to fill, in milliseconds. */
  readonly maxWaitMs: number
}

/** Posts of the topic, scored, as rows. */
export const scoreFlow = (
  posts: Source<LogRecord, Offset>,
  score: (parsed: readonly Parsed[]) => Promise<readonly LoggedRow[]>,
  rows: Sink<LoggedRow, Offset>,
  limits: BatchLimits,
  parse: (record: LogRecord) => Parsed = parseRecord,
) =>
  flow('score')
    .from('posts', posts, limits)
    .through('parse', map(parse))
    .throughAsync('score', score, { concurrency: 2 })
    .to('rows', rows)

/** What ingest could not accept, from its own topic into `dead_posts`. */
export const deadFlow = (
  dead: Source<LogRecord, Offset>,
  toRow: (record: LogRecord) => LoggedRow,
  rows: Sink<LoggedRow, Offset>,
  limits: BatchLimits,
) => flow('dead').from('dead', dead, limits).through('row', map(toRow)).to('rows', rows)
