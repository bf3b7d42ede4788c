import type { Operator, Step } from '../operator.ts'

export interface MicroBatchLimits<Item> {
  /** Items at which a batch closes, ≥ 1. */
  readonly maxItems: number
  /** A batch closes this long after its first item, in milliseconds. */
  readonly maxWaitMs: number
  /** A batch closes before its weight would pass `max`, such as a number of tokens; one heavier item is a batch alone. */
  readonly weight?: { readonly max: number; readonly of: (item: Item) => number }
}

export interface OpenBatch<Item> {
  readonly items: readonly Item[]
  readonly weight: number
  /** When the first item came; 0 while there is none. */
  readonly sinceMs: number
}

/** Groups items in their order into batches bounded by count, weight and time. */
export function microBatch<Item>({
  maxItems,
  maxWaitMs,
  weight: { max: maxWeight, of: weigh } = { max: Number.POSITIVE_INFINITY, of: () => 0 },
}: MicroBatchLimits<Item>): Operator<Item, OpenBatch<Item>, readonly Item[]> {
  const empty: OpenBatch<Item> = { items: [], weight: 0, sinceMs: 0 }
  const close = ({ items }: OpenBatch<Item>): Step<OpenBatch<Item>, readonly Item[]> => ({
    state: empty,
    emit: items.length > 0 ? [items] : [],
  })
  return {
    name: 'micro-batch',
    initial: () => empty,
    onItems(state, arrived, nowMs) {
      const closed: Item[][] = []
      let items = [...state.items]
      let { weight, sinceMs } = state
      const closeOpen = () => {
        closed.push(items)
        items = []
        weight = 0
      }
      for (const item of arrived) {
        const itemWeight = weigh(item)
        if (items.length > 0 && weight + itemWeight > maxWeight) closeOpen()
        if (items.length === 0) sinceMs = nowMs
        items.push(item)
        weight += itemWeight
        if (items.length >= maxItems || weight >= maxWeight) closeOpen()
      }
      if (items.length === 0) return { state: empty, emit: closed }
      return { state: { items, weight, sinceMs }, emit: closed, wakeAtMs: sinceMs + maxWaitMs }
    },
    onWake: close,
    onEnd: close,
  }
}
