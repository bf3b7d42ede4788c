import { expect, test } from 'vitest'
import type { Clock } from '../../core/clock.ts'
import { Leases } from './leases.ts'

function manual(): Clock & { atMs: number } {
  return {
    atMs: 0,
    now() {
      return this.atMs
    },
    sleep: async () => {},
  }
}

test('a post lies before one reviewer at a time, until it is given back', () => {
  const leases = new Leases(manual())
  expect(leases.take('p', 'ada')).toBe(true)
  expect(leases.take('p', 'ben')).toBe(false)
  expect(leases.ofOthers('ben')).toEqual(['p'])
  expect(leases.ofOthers('ada')).toEqual([])
  leases.release('ben')
  leases.release('ben', 'p')
  expect(leases.take('p', 'ben')).toBe(false)
  leases.release('ada', 'p')
  expect(leases.take('p', 'ben')).toBe(true)
  expect(leases.reviewers).toBe(1)
})

test('a lease runs out after five minutes unless it is taken again', () => {
  const clock = manual()
  const leases = new Leases(clock)
  leases.take('p', 'ada')
  leases.take('q', 'ada')
  clock.atMs = 200_000
  leases.take('q', 'ada')
  clock.atMs = 300_000
  expect(leases.take('p', 'ben')).toBe(true)
  expect(leases.take('q', 'ben')).toBe(false)
  clock.atMs = 500_000
  expect(leases.take('q', 'ben')).toBe(true)
})

test('nobody hoards: of too many the oldest is let go', () => {
  const leases = new Leases(manual())
  for (let n = 0; n < 30; n++) leases.take(`p${n}`, 'ada')
  expect(leases.ofOthers('ben')).toHaveLength(20)
  expect(leases.take('p0', 'ben')).toBe(true)
  expect(leases.take('p29', 'ben')).toBe(false)
})
