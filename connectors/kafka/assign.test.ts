import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { assign, type MemberClaim } from './assign.ts'

const claims = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 })
  .chain((names) =>
    fc.tuple(
      ...names.map((member) =>
        fc.record({
          member: fc.constant(member),
          owned: fc.uniqueArray(fc.nat(15), { maxLength: 8 }),
          generation: fc.integer({ min: -1, max: 3 }),
        }),
      ),
    ),
  )

/** The members join again with what they were given until nothing moves. */
function settle(first: readonly MemberClaim[], partitions: number): { shares: Map<string, number[]>; rounds: number } {
  let members = first
  for (let rounds = 1; ; rounds++) {
    const shares = assign(members, partitions)
    const next = members.map(({ member }) => ({ member, owned: shares.get(member) ?? [], generation: rounds + 3 }))
    if (
      JSON.stringify(next.map(({ owned }) => owned)) ===
      JSON.stringify(members.map(({ owned }) => [...owned].sort((a, b) => a - b)))
    ) {
      return { shares, rounds }
    }
    if (rounds > 5) throw new Error('it does not settle')
    members = next
  }
}

test('no partition is ever given to two members, nor to one while another that was given it later still works on it', () => {
  void fc.assert(
    fc.property(claims, fc.integer({ min: 1, max: 16 }), (members, partitions) => {
      const given = [...assign(members, partitions)].flatMap(([member, own]) =>
        own.map((partition) => ({ member, partition })),
      )
      expect(new Set(given.map(({ partition }) => partition)).size).toBe(given.length)
      for (const { member, partition } of given) {
        const own = members.find((claim) => claim.member === member)?.owned.includes(partition) ?? false
        const others = members.filter((claim) => claim.member !== member && claim.owned.includes(partition))
        if (!own) expect(others).toEqual([])
      }
    }),
  )
})

test('after a few rounds every partition has its member, as evenly as can be', () => {
  void fc.assert(
    fc.property(claims, fc.integer({ min: 1, max: 16 }), (members, partitions) => {
      const { shares } = settle(members, partitions)
      const all = [...shares.values()].flat().sort((a, b) => a - b)
      expect(all).toEqual(Array.from({ length: partitions }, (_, partition) => partition))
      const sizes = [...shares.values()].map(({ length }) => length)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
    }),
  )
})

test('a member that comes takes no more than its share, and the others keep the rest', () => {
  const before = [
    { member: 'a', owned: [0, 1, 2], generation: 1 },
    { member: 'b', owned: [3, 4, 5], generation: 1 },
  ]
  const { shares, rounds } = settle([...before, { member: 'c', owned: [], generation: -1 }], 6)
  expect(shares).toEqual(
    new Map([
      ['a', [0, 1]],
      ['b', [3, 4]],
      ['c', [2, 5]],
    ]),
  )
  expect(rounds).toBe(3)
})
