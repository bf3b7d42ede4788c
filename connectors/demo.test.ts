import { expect, test } from 'vitest'
import type { Clock } from '../core/clock.ts'
import type { Source } from '../dataflow/source.ts'
import { manualClock } from '../dataflow/testing/manual-clock.ts'
import { sourceContract } from '../dataflow/testing/source-contract.ts'
import { parsePost } from '../text/parse-post.ts'
import type { Post } from '../text/post.ts'
import { angryMix, calmMix } from './demo/compose.ts'
import { type DemoDrift, demoRecord, demoSource } from './demo.ts'
import type { RawRecord } from './raw-record.ts'

const { signal } = new AbortController()

/** Posts `from` to `to`, as they are once parsed. */
function posts(from: number, to: number, drift?: DemoDrift, seed = 1): Post[] {
  return Array.from({ length: to - from }, (_, index) => {
    const record = demoRecord(from + index, { seed, rate: 1, ...(drift && { drift }) }, 5)
    const parsed = parsePost(record.kind === 'record' ? record.value : undefined, {
      source: '',
      nowMs: 0,
      hashAuthor: (author) => author,
    })
    if (parsed.post === undefined) throw new Error(parsed.reason)
    return parsed.post
  })
}
const share = (of: readonly Post[], holds: (post: Post) => boolean): number => of.filter(holds).length / of.length
const shares = (of: readonly Post[]): number[] =>
  ['negative', 'neutral', 'positive'].map((label) => share(of, (post) => post.label === label))

/** Sleeps take no time, but the clock believes they did. */
function hastyClock(): Clock {
  let nowMs = 0
  return {
    now: () => nowMs,
    async sleep(ms) {
      nowMs += ms
    },
  }
}

sourceContract('demo', async () => {
  const demo = demoSource({ seed: 3, rate: 1000, limit: 9, clock: hastyClock() })
  const timeless = (record: RawRecord) => ({ ...(record.kind === 'record' && (record.value as object)), createdAt: 0 })
  const source: Source<object, number> = {
    ...demo,
    async open(...place) {
      const reader = await demo.open(...place)
      return { ...reader, next: async (max) => (await reader.next(max))?.map(timeless) }
    },
  }
  const held = Array.from({ length: 9 }, (_, n) => timeless(demoRecord(n, { seed: 3, rate: 1000 }, 0)))
  return { source, held: new Map([['0', held]]), async [Symbol.asyncDispose]() {} }
})

test('a post depends on the seed and its number alone', () => {
  expect(posts(0, 50)).toEqual(posts(0, 50))
  expect(posts(0, 50)).not.toEqual(posts(0, 50, undefined, 2))
  expect(posts(20, 30)).toEqual(posts(0, 50).slice(20, 30))
})

test('thousands of posts are posts, of several sources, languages and topics, rarely the same', () => {
  const many = posts(0, 5000)
  expect(new Set(many.map(({ id }) => id)).size).toBe(5000)
  expect(new Set(many.map(({ text }) => text)).size).toBeGreaterThan(4000)
  expect(new Set(many.map(({ source }) => source)).size).toBeGreaterThanOrEqual(3)
  expect(new Set(many.map(({ lang }) => lang))).toEqual(new Set(['en', 'de', 'es', 'fr']))
  expect(new Set(many.map(({ meta }) => meta?.topic)).size).toBeGreaterThanOrEqual(10)
  expect(share(many, ({ text }) => text.includes('#'))).toBeGreaterThan(0.3)
  expect(share(many, ({ text }) => /\p{Extended_Pictographic}/u.test(text))).toBeGreaterThan(0.15)
  for (const { text } of many) expect(text).not.toMatch(/[{}]|undefined/)
})

test('without drift the classes keep their shares', () => {
  for (const [label, expected] of shares(posts(0, 8000)).map((value, at) => [value, calmMix[at] ?? 0] as const)) {
    expect(Math.abs(label - expected)).toBeLessThan(0.02) // four standard errors of a share near 0.3
  }
})

test('a sudden shift of the mix changes the shares from its first post on', () => {
  const drift: DemoDrift = { kinds: ['mix'], atPost: 5000, overPosts: 0 }
  expect(posts(0, 5000, drift)).toEqual(posts(0, 5000))
  for (const [label, expected] of shares(posts(5000, 13_000, drift)).map(
    (value, at) => [value, angryMix[at] ?? 0] as const,
  )) {
    expect(Math.abs(label - expected)).toBeLessThan(0.025)
  }
})

test('a gradual shift of the vocabulary comes little by little', () => {
  const drift: DemoDrift = { kinds: ['vocabulary'], atPost: 1000, overPosts: 8000 }
  const later = (from: number) =>
    share(posts(from, from + 2000, drift), ({ meta }) => ['gliders', 'kelp', 'holo'].includes(String(meta?.topic)))
  expect(share(posts(0, 1000, drift), ({ meta }) => meta?.topic === 'kelp')).toBe(0)
  const [early, middle, end] = [later(1000), later(4000), later(9000)]
  expect(early).toBeLessThan(middle)
  expect(middle).toBeLessThan(end)
  expect(end).toBeGreaterThan(0.9)
})

test('when the meaning shifts, the same words are labelled the other way round', () => {
  const before = posts(0, 2000)
  const after = posts(0, 2000, { kinds: ['meaning'], atPost: 0, overPosts: 0 })
  expect(after.map(({ text }) => text)).toEqual(before.map(({ text }) => text))
  const english = before.map((post, at) => [post, after[at] as Post] as const).filter(([{ lang }]) => lang === 'en')
  for (const [{ label }, { label: now }] of english) {
    expect(now).toBe(label === 'positive' ? 'negative' : label === 'negative' ? 'positive' : 'neutral')
  }
})

test('posts come at their rate, and time lost to a long pause is not caught up', async () => {
  const clock = manualClock(1000)
  const reader = await demoSource({ seed: 1, rate: 100, clock }).open('0', undefined, signal)
  const readFor = async (ms: number): Promise<number> => {
    const until = clock.now() + ms
    let count = 0
    while (clock.now() < until) {
      const records: readonly RawRecord[] = (await clock.until(reader.next(1000))) ?? []
      count += records.length
    }
    return count
  }
  const inTenSeconds = await readFor(10_000)
  expect(inTenSeconds).toBeGreaterThanOrEqual(999)
  expect(inTenSeconds).toBeLessThanOrEqual(1006)
  await clock.advance(60_000)
  expect((await reader.next(1_000_000))?.length).toBeLessThanOrEqual(101)
})
