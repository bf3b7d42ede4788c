import type { Checkpoint, Sink } from '../../dataflow/sink.ts'

export interface WriteEvents<Item, Position> {
  /** Items and checkpoint are durable. */
  readonly onWritten: (partition: string, items: readonly Item[], checkpoint: Checkpoint<Position>) => void
  /** A partition's writer is about to be closed: no other process can have opened one yet. */
  readonly onClose?: (partition: string) => void
}

/** The same sink, which tells of what becomes durable. */
export function tellWrites<Item, Position>(
  sink: Sink<Item, Position>,
  { onWritten, onClose = () => undefined }: WriteEvents<Item, Position>,
): Sink<Item, Position> {
  return {
    ...sink,
    async open(partition, signal) {
      const writer = await sink.open(partition, signal)
      return {
        checkpoint: () => writer.checkpoint(),
        async write(items, checkpoint) {
          await writer.write(items, checkpoint)
          onWritten(partition, items, checkpoint)
        },
        [Symbol.asyncDispose]: () => {
          onClose(partition)
          return writer[Symbol.asyncDispose]()
        },
      }
    },
  }
}
