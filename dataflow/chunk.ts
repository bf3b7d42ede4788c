import type { Checkpoint } from './sink.ts'

/** The unit of work: some items of one partition, and the checkpoint that holds once they are durable. */
export interface Chunk<Item, Position> {
  readonly items: readonly Item[]
  readonly checkpoint: Checkpoint<Position>
}

/** How a stream of chunks ends: the partition is over, reading was stopped, or what failed behind the last chunk. */
export type Ending = { readonly kind: 'ended' | 'stopped' } | { readonly kind: 'failed'; readonly error: unknown }
