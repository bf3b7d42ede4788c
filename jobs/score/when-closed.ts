import type { Sink } from '../../dataflow/sink.ts'

/** Calls `onClose` when a partition's writer is closed, before another process can open one. */
export function whenClosed<Item, Position>(
  sink: Sink<Item, Position>,
  onClose: (partition: string) => void,
): Sink<Item, Position> {
  return {
    ...sink,
    async open(partition, signal) {
      const writer = await sink.open(partition, signal)
      return {
        checkpoint: () => writer.checkpoint(),
        write: (items, checkpoint) => writer.write(items, checkpoint),
        [Symbol.asyncDispose]: () => {
          onClose(partition)
          return writer[Symbol.asyncDispose]()
        },
      }
    },
  }
}
