import type { Checkpoint, Sink } from './sink.ts'

/** Where checkpoints are kept when they cannot be written together with the items. */
export interface Checkpoints<Position> {
  load(partition: string): Promise<Checkpoint<Position> | undefined>
  /** Resolves once it is durable. */
  save(partition: string, checkpoint: Checkpoint<Position>): Promise<void>
}

/** For tests, and for flows that begin anew with each process. */
export function memoryCheckpoints<Position>(): Checkpoints<Position> {
  const kept = new Map<string, Checkpoint<Position>>()
  return {
    load: async (partition) => structuredClone(kept.get(partition)),
    save: async (partition, checkpoint) => void kept.set(partition, structuredClone(checkpoint)),
  }
}

/**
 * A sink for a system that takes items and knows no positions. A crash between the two steps of a write repeats its items,
 * so delivery is at least once.
 *
 * @param write resolves once the items are durable; throws what `Writer.write` throws
 */
export const withCheckpoints = <Item, Position>(
  name: string,
  write: (items: readonly Item[], partition: string, signal: AbortSignal) => Promise<void>,
  checkpoints: Checkpoints<Position>,
): Sink<Item, Position> => ({
  name,
  delivery: 'at-least-once',
  open: async (partition, signal) => ({
    checkpoint: () => checkpoints.load(partition),
    async write(items, checkpoint) {
      if (items.length > 0) await write(items, partition, signal)
      await checkpoints.save(partition, checkpoint)
    },
    async [Symbol.asyncDispose]() {},
  }),
})
