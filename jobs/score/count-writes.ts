import type { LoggedRow } from '../../connectors/clickhouse.ts'
import type { Sink } from '../../dataflow/sink.ts'

/** Counts rows once they are durable. */
export function countWrites<Position>(
  sink: Sink<LoggedRow, Position>,
  counts: { scored: number; dead: number },
): Sink<LoggedRow, Position> {
  return {
    ...sink,
    async open(partition, signal) {
      const writer = await sink.open(partition, signal)
      return {
        checkpoint: () => writer.checkpoint(),
        async write(items, checkpoint) {
          await writer.write(items, checkpoint)
          for (const { table } of items) counts[table === 'scores' ? 'scored' : 'dead']++
        },
        [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
      }
    },
  }
}
