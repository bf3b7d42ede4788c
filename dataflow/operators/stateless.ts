import type { Operator } from '../operator.ts'

/** Turns each item into one other. */
export const map = <In, Out>(change: (item: In) => Out): Operator<In, undefined, Out> =>
  stateless('map', (items) => items.map(change))

/** Keeps the items that `keep` is true for. */
export const filter = <Item>(keep: (item: Item) => boolean): Operator<Item, undefined, Item> =>
  stateless('filter', (items) => items.filter(keep))

/** Turns each item into any number of others. */
export const flatMap = <In, Out>(change: (item: In) => readonly Out[]): Operator<In, undefined, Out> =>
  stateless('flat-map', (items) => items.flatMap(change))

/** An operator that keeps nothing between its calls, and nothing in the checkpoint. */
const stateless = <In, Out>(
  name: string,
  change: (items: readonly In[]) => readonly Out[],
): Operator<In, undefined, Out> => ({
  name,
  initial: () => undefined,
  onItems: (_state, items) => ({ state: undefined, emit: change(items) }),
  onWake: () => ({ state: undefined, emit: [] }),
  onEnd: () => ({ state: undefined, emit: [] }),
})
