import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DriftlineError } from '../../core/errors.ts'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import { holds, type SlotRange, slotOf } from '../../models/registry/slots.ts'
import { Guard } from '../../models/registry/traffic.ts'
import type { Post } from '../../text/post.ts'
import type { Contender } from './route.ts'
import { RoutedScoring } from './score-routed.ts'
import { type FakeScorer, fakeScorer } from './testing/fake-scorer.ts'
import { Watch } from './watch.ts'

const posts = (count: number, text = 'a text'): Post[] =>
  Array.from({ length: count }, (_, at) => ({ id: `post-${at}`, text, createdAt: 0, source: 'test' }))

function canary(scorer: FakeScorer, slots: readonly SlotRange[]): Contender & { readonly broken: string[] } {
  const broken: string[] = []
  const watch = new Watch(Guard.parse({}), scorer.labels, ({ reason }) => broken.push(reason))
  const facts = { id: 'c', mode: 'canary', by: 'ann', reason: '', loadMs: 0 } as const
  return { ...facts, live: { scorer, batches: 0 }, slots, watch, broken }
}

const scoring = () => {
  const clock = manualClock()
  return { clock, routed: new RoutedScoring(clock) }
}

const share = fc.integer({ min: 0, max: 10_000 })

test('each post is scored once, by the version that its slot belongs to', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(200), share, share, async (count, one, other) => {
      const [low, high] = [Math.min(one, other), Math.max(one, other)]
      const canaries = [canary(fakeScorer(2), [[0, low]]), canary(fakeScorer(3), [[low, high]])]
      const { routed } = scoring()
      const results = await routed.score(posts(count), { scorer: fakeScorer(1), contenders: canaries })
      expect(results.map(({ model, stoodInFor }) => [model.version, stoodInFor])).toEqual(
        posts(count).map(({ id }) => {
          const side = canaries.find(({ slots }) => holds(slots, slotOf(id)))
          return [side?.live.scorer.version ?? 1, 0]
        }),
      )
    }),
    { numRuns: 30 },
  )
})

test('a canary that throws, or fails on single posts, is stood in for by the champion', async () => {
  const failing = fakeScorer(2)
  const gone = fakeScorer(3)
  await gone[Symbol.asyncDispose]()
  const half = {
    ...failing,
    score: async (texts: readonly string[]) => {
      const results = await failing.score(texts)
      return results.map((result, at) => (at % 2 === 0 ? new DriftlineError('INFERENCE_FAILED', {}) : result))
    },
  }
  const canaries = [canary(half, [[0, 3000]]), canary(gone, [[3000, 6000]])]
  const { routed } = scoring()
  const results = await routed.score(posts(300), { scorer: fakeScorer(1), contenders: canaries })
  expect(results.every(({ result }) => !(result instanceof DriftlineError))).toBe(true)
  const on = (slots: SlotRange) => results.filter((_, at) => holds([slots], slotOf(`post-${at}`)))
  expect(new Set(on([0, 3000]).map(({ model, stoodInFor }) => `${model.version} for ${stoodInFor}`))).toEqual(
    new Set(['1 for 2', '2 for 0']),
  )
  expect(new Set(on([3000, 6000]).map(({ model, stoodInFor }) => `${model.version} for ${stoodInFor}`))).toEqual(
    new Set(['1 for 3']),
  )
  expect(canaries.map(({ broken }) => broken.length)).toEqual([1, 1])
  expect(canaries[1]?.watch.counts).toMatchObject({ scored: 0, failed: on([3000, 6000]).length })
})

test('a canary that hangs is not waited for longer than its patience, and its late answer changes nothing', async () => {
  const hanging = { ...fakeScorer(2), score: () => new Promise<never>(() => undefined) }
  const stuck = canary(hanging, [[0, 10_000]])
  const { routed, clock } = scoring()
  const results = routed.score(posts(50), { scorer: fakeScorer(1), contenders: [stuck] })
  expect((await clock.until(results)).map(({ model, stoodInFor }) => [model.version, stoodInFor])).toEqual(
    posts(50).map(() => [1, 2]),
  )
  expect(stuck.broken).toHaveLength(1)
})

test('what the champion cannot score either is the post’s fault, not the canary’s', async () => {
  const poisoned = (version: number) => ({
    ...fakeScorer(version),
    score: async (texts: readonly string[]) => texts.map(() => new DriftlineError('INFERENCE_FAILED', {})),
  })
  const contender = canary(poisoned(2), [[0, 10_000]])
  const results = await scoring().routed.score(posts(40), { scorer: poisoned(1), contenders: [contender] })
  expect(results.every(({ result }) => result instanceof DriftlineError)).toBe(true)
  expect(contender.broken).toEqual([])
  expect(contender.watch.counts).toMatchObject({ scored: 0, failed: 0 })
})

test('a champion that fails fails the batch', async () => {
  const broken = { ...fakeScorer(1), score: () => Promise.reject(new Error('all threads are gone')) }
  const contenders = [canary(fakeScorer(2), [[0, 5000]])]
  await expect(scoring().routed.score(posts(9), { scorer: broken, contenders })).rejects.toThrow('all threads')
})
