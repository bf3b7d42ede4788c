import { hash } from 'node:crypto'

/** The hash space of post ids is cut into this many slots; a share is a number of them, so it is told to 0.01 %. */
export const slotCount = 10_000

/** Slots from `from` up to, and without, `to`. */
export type SlotRange = readonly [from: number, to: number]

/**
 * The slot of a post, which depends on nothing but its id: the first four bytes of the id's SHA-256 as a little-endian
 * number, scaled down. `verify_versions.sql` computes the same. Not the hash that picks a post's partition: the sides of
 * a canary would then be whole partitions.
 *
 * @returns 0 to `slotCount` − 1
 */
export function slotOf(postId: string): number {
  const digest = hash('sha256', postId, 'binary') // a character for each byte; 0.3 µs, a third of what a Buffer costs
  const low = digest.charCodeAt(0) + digest.charCodeAt(1) * 0x100
  const high = digest.charCodeAt(2) + digest.charCodeAt(3) * 0x100
  return Math.floor(((high * 0x10000 + low) * slotCount) / 2 ** 32)
}

/** Slots of a share, a share above 0 being at least one. */
export const slotsOf = (share: number): number =>
  share === 0 ? 0 : Math.min(slotCount, Math.max(1, Math.round(share * slotCount)))

export const lengthOf = (ranges: readonly SlotRange[]): number => ranges.reduce((sum, [from, to]) => sum + to - from, 0)

export const holds = (ranges: readonly SlotRange[], slot: number): boolean =>
  ranges.some(([from, to]) => slot >= from && slot < to)

/**
 * Ranges for another number of slots. More are the ones there were and the lowest free ones; fewer are the ones that came
 * first. So raising a share only adds posts, lowering it only takes some away, and no other range is touched.
 *
 * @param own as this function returned them before: the order says which came first
 * @param taken by others
 * @returns `undefined` when there are not enough free slots
 */
export function resized(
  own: readonly SlotRange[],
  slots: number,
  taken: readonly SlotRange[],
): readonly SlotRange[] | undefined {
  const ranges: SlotRange[] = []
  let left = slots
  for (const [from, to] of own) {
    const until = Math.min(to, from + left)
    if (until > from) ranges.push([from, until])
    left -= Math.max(0, until - from)
  }
  for (const [from, to] of free([...own, ...taken])) {
    const until = Math.min(to, from + left)
    if (until > from) append(ranges, [from, until])
    left -= until - from
  }
  return left > 0 ? undefined : ranges
}

/** What lies between ranges, the lowest first. */
function* free(taken: readonly SlotRange[]): Generator<SlotRange> {
  let next = 0
  for (const [from, to] of taken.toSorted(([a], [b]) => a - b)) {
    if (from > next) yield [next, from]
    next = Math.max(next, to)
  }
  if (next < slotCount) yield [next, slotCount]
}

function append(ranges: SlotRange[], range: SlotRange): void {
  const last = ranges.at(-1)
  if (last !== undefined && last[1] === range[0]) ranges.splice(-1, 1, [last[0], range[1]])
  else ranges.push(range)
}
