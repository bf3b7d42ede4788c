import fc from 'fast-check'
import { expect, test } from 'vitest'
import { samplePost } from '../server/testing/scripted-feed.ts'
import { advance, emptySample, listLength, type Sample } from './newest-sample.ts'

const post = (n: number) => ({ ...samplePost(0, 0, `post ${n}`), key: String(n), scoredAtMs: n })
const newestOf = (n: number) => Array.from({ length: 50 }, (_, back) => post(n - back))
const keys = (sample: Sample) => sample.shown.map(({ key }) => Number(key))

test('the first snapshot fills the list', () => {
  expect(keys(advance(emptySample, newestOf(100), 0))).toEqual(Array.from({ length: listLength }, (_, n) => 100 - n))
})

test('of a fast stream two a second get in, the newest ones', () => {
  // ms      0    250   500   750   1000
  // newest  100  150   200   250   300
  //                    200         300
  let sample = advance(emptySample, newestOf(100), 0)
  const first: number[] = []
  for (const [ms, newest] of [
    [250, 150],
    [500, 200],
    [750, 250],
    [1_000, 300],
  ] as const) {
    sample = advance(sample, newestOf(newest), ms)
    first.push(keys(sample)[0] ?? 0)
  }
  expect(first).toEqual([100, 200, 200, 300])
  expect(keys(sample).slice(0, 3)).toEqual([300, 200, 100])
})

test('of a slow stream every post gets in', () => {
  let sample = advance(emptySample, [post(0)], 0)
  for (let n = 1; n <= 20; n++) sample = advance(sample, [post(n), post(n - 1)], n * 1_000)
  expect(keys(sample)).toEqual(Array.from({ length: 21 }, (_, n) => 20 - n))
})

test('after a long pause no more than eight come at once', () => {
  const before = advance(emptySample, newestOf(100), 0)
  const after = advance(before, newestOf(10_000), 3_600_000)
  expect(keys(after).slice(0, 9)).toEqual([10_000, 9_999, 9_998, 9_997, 9_996, 9_995, 9_994, 9_993, 100])
})

test('whatever comes, the list is newest first, holds each post once, and never forgets one while there is room', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 30 })), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(steps, (polls) => {
      let sample = emptySample
      let [nowMs, newest] = [0, 60]
      for (const [waitMs, posts] of polls) {
        const before = keys(sample)
        nowMs += waitMs
        newest += posts
        sample = advance(sample, newestOf(newest), nowMs)
        const after = keys(sample)
        expect(after).toEqual([...new Set(after)].sort((a, b) => b - a))
        expect(after.length).toBe(listLength)
        const added = after.filter((key) => !before.includes(key)).length
        if (before.length > 0) expect(after.slice(added)).toEqual(before.slice(0, listLength - added))
      }
    }),
  )
})
