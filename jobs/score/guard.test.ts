import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { Guard } from '../../models/registry/traffic.ts'
import { type Broken, ChallengerGuard, type Observed } from './guard.ts'

const labels = ['negative', 'neutral', 'positive']
const nothing: Observed = { failures: [], pairs: [], challengerUs: [], championUs: [] }
const repeat = <Value>(count: number, value: (at: number) => Value): Value[] =>
  Array.from({ length: count }, (_, at) => value(at))

/** Shows batches until a bound breaks. */
function run(batches: number, batch: (at: number) => Partial<Observed>, bounds: Partial<Guard> = {}) {
  const guard = new ChallengerGuard(Guard.parse(bounds), labels)
  for (let at = 0; at < batches; at++) {
    const broken = guard.observe({ ...nothing, ...batch(at) })
    if (broken !== undefined) return { ...broken, after: at + 1 }
  }
  return undefined
}

/** A challenger like the champion: 0.5 % errors, both of one mix of classes, 10 µs a post and 1 % of 30 µs. */
function alike(seed: number, over: { mix?: number; slow?: number; errors?: number } = {}) {
  const random = seededRandom(seed)
  const { mix = 0, slow = 0.01, errors = 0.005 } = over
  const label = (shift: number) => {
    const at = random()
    return at < 0.5 + shift ? 'negative' : at < 0.8 + shift / 2 ? 'neutral' : 'positive'
  }
  const us = (share: number) => (random() < share ? 3000 : 1000)
  return (): Observed => ({
    failures: repeat(20, () => random() < errors),
    pairs: repeat(20, () => [label(mix), label(0)] as const),
    challengerUs: repeat(20, () => us(slow)),
    championUs: repeat(80, () => us(0.01)),
  })
}

test('one that keeps its bounds is never ended, however long it runs', () => {
  const ended = repeat(40, (seed) => run(1000, alike(seed))).filter((broken) => broken !== undefined)
  expect(ended).toEqual([])
})

test('differences within the bounds are no reason', () => {
  const bounds = { maxErrorRate: 0.05, maxClassShift: 0.2, maxP99Ratio: 4 }
  expect(run(1000, alike(1, { errors: 0.03, mix: 0.12, slow: 0.5 }), bounds)).toBeUndefined()
})

describe('broken', () => {
  const cases: [Broken['bound'], Parameters<typeof alike>[1], RegExp][] = [
    ['maxErrorRate', { errors: 0.1 }, /failed on \d+ of \d+ posts, [\d.]+ %; the bound is 1 %/],
    ['maxClassShift', { mix: 0.3 }, /% of its posts are negative, and .* % of the champion's, of \d+ each/],
  ]
  test.each(cases)('%s is found in every run, with its numbers', (bound, over, reason) => {
    for (let seed = 0; seed < 10; seed++) {
      expect(run(500, alike(seed, over))).toMatchObject({ bound, reason: expect.stringMatching(reason) })
    }
  })

  test('maxP99Ratio: posts that are too slow too often are found, and what slows both is not', () => {
    const random = seededRandom(3)
    const times = (slowShare: number) => repeat(20, () => (random() < slowShare ? 90_000 : 10_000))
    const slower = run(3000, () => ({ challengerUs: times(0.08), championUs: times(0.001) }))
    expect(slower).toMatchObject({ bound: 'maxP99Ratio', reason: expect.stringContaining('of the champion') })
    const stalls = (stalled: boolean) => repeat(20, () => (stalled ? 90_000 : 10_000))
    const both = run(3000, (at) => ({ challengerUs: stalls(at % 200 === 7), championUs: stalls(at % 200 === 7) }))
    expect(both).toBeUndefined()
  })

  test('one that fails on all of its first posts is ended with its first batch', () => {
    expect(run(1, () => ({ failures: repeat(30, () => true) }))).toMatchObject({ bound: 'maxErrorRate', after: 1 })
  })
})

test('a batch of few posts costs more a post, which is not slow while it is under a millisecond', () => {
  const batch = { challengerUs: repeat(2, () => 100), championUs: repeat(200, () => 3) }
  expect(run(2000, () => batch)).toBeUndefined()
  expect(run(2000, () => ({ ...batch, challengerUs: repeat(2, () => 700) }))).toMatchObject({ bound: 'maxP99Ratio' })
})

test('classes and times are not judged before there are enough posts', () => {
  const opposite = { pairs: repeat(10, () => ['negative', 'positive'] as const) }
  expect(run(49, () => opposite, { minPosts: 500 })).toBeUndefined()
  expect(run(50, () => opposite, { minPosts: 500 })).toMatchObject({ bound: 'maxClassShift', after: 50 })
})

test('bounds at their ends: all may differ, and no error at all', () => {
  const bounds = { maxErrorRate: 0, maxClassShift: 1, minPosts: 1 }
  expect(run(500, () => ({ pairs: [['negative', 'positive']] }), bounds)).toBeUndefined()
  expect(run(20, () => ({ failures: [true] }), bounds)).toMatchObject({ bound: 'maxErrorRate' })
  expect(run(500, () => ({ failures: [true] }), { maxErrorRate: 1 })).toBeUndefined()
})
