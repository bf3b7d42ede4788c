import { isDeepStrictEqual } from 'node:util'
import type { Checkpoint, Sink } from '../sink.ts'

/** How one write goes: well, or failing before or after it became durable. */
export type WriteOutcome = 'ok' | { readonly before: Error } | { readonly after: Error }

export interface ArraySinkOptions {
  /** How the writes go, in their order over all partitions; later ones go well. */
  readonly outcomes?: readonly WriteOutcome[]
  /** Awaited by each write before it does anything. */
  readonly gate?: () => Promise<void>
}

/** A table in memory that is effectively-once. It complains about whatever the contract of a sink forbids. */
export interface ArraySink<Item, Position> extends Sink<Item, Position> {
  rows(partition: string): readonly Item[]
  checkpoint(partition: string): Checkpoint<Position> | undefined
  /** Sizes of the writes that were tried. */
  readonly writes: readonly number[]
  fail(...outcomes: readonly WriteOutcome[]): void
}

export function arraySink<Item, Position = number>(options: ArraySinkOptions = {}): ArraySink<Item, Position> {
  const tables = new Map<string, { items: Item[]; checkpoint: Checkpoint<Position> | undefined }>()
  const outcomes = [...(options.outcomes ?? [])]
  const open = new Set<string>()
  const writes: number[] = []
  const tableOf = (partition: string) => {
    const table = tables.get(partition) ?? { items: [], checkpoint: undefined }
    tables.set(partition, table)
    return table
  }
  return {
    name: 'array',
    delivery: 'effectively-once',
    writes,
    rows: (partition) => tableOf(partition).items,
    checkpoint: (partition) => tableOf(partition).checkpoint,
    fail: (...more) => void outcomes.push(...more),
    async open(partition) {
      if (open.has(partition)) throw new Error(`partition ${partition} has two writers`)
      open.add(partition)
      const table = tableOf(partition)
      let writing = false
      return {
        checkpoint: async () => structuredClone(table.checkpoint),
        async write(items, checkpoint) {
          if (writing) throw new Error(`partition ${partition} has two writes in flight`)
          if (!open.has(partition)) throw new Error(`partition ${partition} is written after it was closed`)
          writing = true
          writes.push(items.length)
          try {
            await options.gate?.()
            const outcome = outcomes.shift() ?? 'ok'
            if (outcome !== 'ok' && 'before' in outcome) throw outcome.before
            if (!isDeepStrictEqual(checkpoint, table.checkpoint)) {
              table.items.push(...items)
              table.checkpoint = structuredClone(checkpoint)
            }
            if (outcome !== 'ok') throw outcome.after
          } finally {
            writing = false
          }
        },
        async [Symbol.asyncDispose]() {
          open.delete(partition)
        },
      }
    },
  }
}
