import type { ClickHouseClient } from '@clickhouse/client'
import { storeFailure } from '../clickhouse/client.ts'
import { insertGuarded } from '../clickhouse/insert-guarded.ts'
import { select } from '../clickhouse/queries.ts'
import type { DeadPostRow, ScoreRow } from '../clickhouse/rows/scores.ts'
import { DriftlineError } from '../core/errors.ts'
import type { Sink } from '../dataflow/sink.ts'
import type { Offset, TopicInfo } from './event-log.ts'

/** A row that carries the log position it came from. */
export type LoggedRow =
  | { readonly table: 'scores'; readonly row: ScoreRow }
  | { readonly table: 'dead_posts'; readonly row: DeadPostRow }

export interface ClickHouseSinkOptions {
  /** Makes a client; asked again after each failure, since the embedded ClickHouse may come back on another port. */
  readonly connect: () => ClickHouseClient
  readonly topic: TopicInfo
  /** The table whose highest offset is the position of a partition. */
  readonly positionsIn: LoggedRow['table']
  /** Go on with a topic that was made anew, from its beginning, beside the rows of the one before. */
  readonly acceptRecreated?: boolean
  /**
   * Switches effectively-once off: resume at this position (what a consumer group had committed) and insert without the
   * guard. The control of the kill benchmark, which must then find doubled rows.
   */
  readonly dangerouslyUnguarded?: ((partition: number) => Promise<Offset | undefined>) | undefined
}

const resumeQueries = { scores: 'resume', dead_posts: 'resume_dead' } as const

/**
 * Writes rows to ClickHouse, one guarded insert per table and write.
 *
 * _Delivery_: effectively once. The position is the highest offset in `positionsIn`; an insert leaves out rows that its
 * table has already (see `insertGuarded`), so a repeated or late write changes nothing. Dead posts go first: a crash
 * between the two inserts then repeats rows that the guard drops, and skips none. A batch without scores moves no
 * position in `scores`: it is read again after a restart, and written once all the same.
 */
export function clickHouseSink(options: ClickHouseSinkOptions): Sink<LoggedRow, Offset> {
  const { connect, topic, positionsIn, acceptRecreated = false, dangerouslyUnguarded } = options
  return {
    name: `ClickHouse ${positionsIn}`,
    delivery: 'effectively-once',
    async open(partitionName, signal) {
      const partition = Number(partitionName)
      const from = { topic: topic.name, topicId: topic.id, partition }
      let client: ClickHouseClient | undefined
      const close = async () => {
        const closing = client
        client = undefined
        await closing?.close()
      }
      const attempt = async <Result>(action: (client: ClickHouseClient) => Promise<Result>): Promise<Result> => {
        try {
          client ??= connect()
          return await action(client)
        } catch (error) {
          await close()
          signal.throwIfAborted()
          throw storeFailure(error, 'SINK_UNAVAILABLE')
        }
      }
      return {
        async checkpoint() {
          if (dangerouslyUnguarded !== undefined) {
            const position = await dangerouslyUnguarded(partition)
            return position === undefined ? undefined : { position, states: {} }
          }
          const name = resumeQueries[positionsIn]
          const rows = await attempt((client) => select(client, name, { topic: topic.name }, signal))
          const own = rows.filter((row) => row.topic_id === topic.id)
          const position = own.find((row) => row.partition === partition)?.next_offset
          if (position !== undefined) return { position, states: {} }
          // Other partitions of this very topic have rows: that it was made anew was accepted when they were written.
          if (rows.length === 0 || own.length > 0 || acceptRecreated) return undefined
          const reason = `the rows in ${positionsIn} came from topic ${rows[0]?.topic_id}, now it is ${topic.id}`
          throw new DriftlineError('TOPIC_RECREATED', { topic: topic.name, partition, reason })
        },
        async write(items) {
          const dead = items.flatMap((item) => (item.table === 'dead_posts' ? [item.row] : []))
          const scores = items.flatMap((item) => (item.table === 'scores' ? [item.row] : []))
          if (dangerouslyUnguarded !== undefined) {
            await attempt((client) => client.insert({ table: 'scores', values: scores, format: 'JSONEachRow' }))
            return
          }
          if (dead.length > 0) await attempt((client) => insertGuarded(client, 'dead_posts', from, dead, signal))
          if (scores.length > 0) await attempt((client) => insertGuarded(client, 'scores', from, scores, signal))
        },
        [Symbol.asyncDispose]: close,
      }
    },
  }
}
