import fc from 'fast-check'
import { expect, test } from 'vitest'
import { holds, lengthOf, resized, type SlotRange, slotCount, slotOf, slotsOf } from './slots.ts'

const allOf = (ranges: readonly SlotRange[]): number[] =>
  ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => from + index))

test('the slot of an id is the one that SQL computes', () => {
  // SELECT bitShiftRight(toUInt64(reinterpretAsUInt32(substring(SHA256('post-1 ü'), 1, 4))) * 10000, 32)
  expect(slotOf('post-1 ü')).toBe(2205)
})

test('ids that count up fall into every tenth of the slots alike', () => {
  const posts = 20_000
  const tenths = new Array<number>(10).fill(0)
  for (let post = 0; post < posts; post++) {
    const tenth = Math.floor((slotOf(`post-${post}`) / slotCount) * 10)
    tenths[tenth] = (tenths[tenth] ?? 0) + 1
  }
  // Five standard deviations: √(20,000 · 0.1 · 0.9) = 42.
  for (const count of tenths) expect(Math.abs(count - posts / 10)).toBeLessThan(5 * 42)
})

test.each([
  [0, 0],
  [1e-9, 1],
  [0.1, 1000],
  [0.99999, slotCount],
  [1, slotCount],
])('a share of %f is %i slots', (share, slots) => {
  expect(slotsOf(share)).toBe(slots)
})

const changes = fc.array(fc.record({ who: fc.nat(3), slots: fc.integer({ min: 0, max: slotCount }) }), {
  maxLength: 30,
})

test('whatever shares change: no slot is two challengers’, raising only adds, lowering only takes, others stay', () => {
  fc.assert(
    fc.property(changes, (steps) => {
      const held = new Map<number, readonly SlotRange[]>()
      for (const { who, slots } of steps) {
        const own = held.get(who) ?? []
        const taken = [...held].flatMap(([other, ranges]) => (other === who ? [] : ranges))
        const next = resized(own, slots, taken)
        expect(next === undefined).toBe(slots > slotCount - lengthOf(taken))
        if (next === undefined) continue
        expect(lengthOf(next)).toBe(slots)
        const [smaller, larger] = lengthOf(own) <= slots ? [own, next] : [next, own]
        const within = new Set(allOf(larger))
        expect(allOf(smaller).filter((slot) => !within.has(slot))).toEqual([])
        held.set(who, next)
        const all = allOf([...held.values()].flat())
        expect(new Set(all).size).toBe(all.length)
      }
    }),
    { numRuns: 60 },
  )
})

test('each id is on the side of one challenger or of none, and always on the same', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 0, max: slotCount }), (id, slots) => {
      const first = resized([], slots, []) ?? []
      const second = resized([], slotCount - slots, first) ?? []
      const slot = slotOf(id)
      expect([holds(first, slot), holds(second, slot)].filter(Boolean)).toHaveLength(1)
      expect(slotOf(id)).toBe(slot)
    }),
  )
})
