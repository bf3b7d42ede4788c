import type { Clock } from '../../core/clock.ts'
import type { Source } from '../../dataflow/source.ts'

const longestWaitMs = 50

/** A source whose positions count its items, ended after `limit` of them. */
export const limited = <Item>(source: Source<Item, number>, limit: number): Source<Item, number> => ({
  ...source,
  async open(partition, from, signal) {
    const reader = await source.open(partition, from, signal)
    return {
      async next(max) {
        const left = limit - reader.position()
        return left <= 0 ? undefined : reader.next(Math.min(max, left))
      },
      position: () => reader.position(),
      [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
    }
  },
})

/** A source slowed down to `perSecond` items; time lost is not caught up. */
export const paced = <Item>(source: Source<Item, number>, perSecond: number, clock: Clock): Source<Item, number> => ({
  ...source,
  async open(partition, from, signal) {
    const reader = await source.open(partition, from, signal)
    let dueMs = clock.now()
    return {
      async next(max) {
        const earlyMs = dueMs - clock.now()
        if (earlyMs > longestWaitMs) {
          await clock.sleep(longestWaitMs)
          return []
        }
        if (earlyMs > 0) await clock.sleep(earlyMs)
        // As many as a tenth of a second holds, at least one: few reads at a high rate, even steps at a low one.
        const items = await reader.next(Math.min(max, Math.max(1, Math.floor(perSecond / 10))))
        dueMs = Math.max(dueMs, clock.now() - longestWaitMs) + ((items?.length ?? 0) * 1000) / perSecond
        return items
      },
      position: () => reader.position(),
      [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
    }
  },
})
