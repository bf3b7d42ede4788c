import { beforeEach, describe, expect, test } from 'vitest'
import { LiveData, type NewestPost } from '../protocol.ts'
import { LiveReader } from './live-data.ts'
import type { LiveStore, MinuteTag, SecondCount } from './live-store.ts'
import { samplePost } from './testing/scripted-feed.ts'

interface Row {
  readonly id: number
  readonly atMs: number
  readonly label: string
  readonly tag?: string
}

/** A table in memory, which remembers how far back it was asked to look. */
class TableStore implements LiveStore {
  rows: Row[] = []
  dead = 0
  failing: Error | undefined
  readonly asked: { what: string; fromMs: number }[] = []

  #since(what: string, fromMs: number): readonly Row[] {
    this.asked.push({ what, fromMs })
    if (this.failing !== undefined) throw this.failing
    return this.rows.filter(({ atMs }) => atMs >= fromMs)
  }

  async seconds(fromMs: number): Promise<readonly SecondCount[]> {
    const counts = new Map<string, SecondCount>()
    for (const { atMs, label } of this.#since('seconds', fromMs)) {
      const second = Math.floor(atMs / 1000)
      const key = `${second} ${label}`
      counts.set(key, { second, label, posts: (counts.get(key)?.posts ?? 0) + 1 })
    }
    return [...counts.values()]
  }

  async newest(fromMs: number, rows: number): Promise<readonly NewestPost[]> {
    return this.#since('newest', fromMs)
      .map(({ id, atMs, label }) => ({ ...samplePost(0, atMs), key: String(id), scoredAtMs: atMs, label }))
      .sort((a, b) => b.scoredAtMs - a.scoredAtMs)
      .slice(0, rows)
  }

  async hashtags(fromMs: number): Promise<readonly MinuteTag[]> {
    return this.#since('hashtags', fromMs).flatMap(({ atMs, label, tag }) =>
      tag === undefined
        ? []
        : [{ minute: Math.floor(atMs / 60_000) * 60, tag, counts: new Map([[label, 1]]) } satisfies MinuteTag],
    )
  }

  async positions() {
    return []
  }

  async lastScoredMs() {
    this.#since('last', 0)
    return Math.max(0, ...this.rows.map(({ atMs }) => atMs))
  }

  async totals() {
    this.#since('totals', 0)
    return { scored: this.rows.length, dead: this.dead }
  }
}

const noon = Date.UTC(2026, 0, 1, 12)
const labels = ['negative', 'positive']
let store: TableStore
let reader: LiveReader
beforeEach(() => {
  store = new TableStore()
  reader = new LiveReader(store)
})

const score = (atMs: number, label = 'positive', tag?: string) =>
  store.rows.push({ id: store.rows.length, atMs, label, ...(tag === undefined ? {} : { tag }) })

test('an empty table gives a whole picture without posts', async () => {
  const live = LiveData.parse(await reader.read(noon, labels))
  expect(live).toMatchObject({
    asOfMs: noon,
    labels,
    rate: { now: 0, stepMs: 1000 },
    classes: { shares: [0, 0] },
    hashtags: { top: [] },
    newest: [],
    totals: { scored: 0, dead: 0 },
  })
  expect(live.rate.values).toEqual(Array.from({ length: 300 }, () => 0))
  expect(live.classes.counts.map((row) => row.reduce((sum, value) => sum + value, 0))).toEqual([0, 0])
})

describe('rate', () => {
  test('counts the posts of each second that is over and settled, and nothing that is under way', async () => {
    for (let n = 0; n < 12; n++) score(noon - 2_000 + n * 250) // 4 each in the seconds from −2, −1 and 0
    const live = await reader.read(noon + 700, labels)
    // s   −2     −1     0 (700 ms old: not over)
    //      4      4     –
    expect(live.rate.values.slice(-3)).toEqual([0, 4, 4])
    expect(live.rate.startMs + live.rate.values.length * 1000).toBe(noon)
    expect(live.rate.now).toBe(8 / 5)
    // At 1,400 ms the second from 0 is over, but only since 400 ms: its rows may still be on their way.
    expect((await reader.read(noon + 1_400, labels)).rate.startMs).toBe(live.rate.startMs)
    expect((await reader.read(noon + 1_600, labels)).rate.values.slice(-3)).toEqual([4, 4, 4])
  })

  test('rows that come half a minute late still count, and none counts twice', async () => {
    score(noon)
    await reader.read(noon + 5_000, labels)
    score(noon)
    score(noon + 1_000)
    const live = await reader.read(noon + 25_000, labels)
    const at = (noon - live.rate.startMs) / 1000
    expect(live.rate.values.slice(at, at + 2)).toEqual([2, 1])
    expect(live.rate.values.reduce((sum, value) => sum + value, 0)).toBe(3)
  })

  test('after the first read, a poll asks for the last half minute only', async () => {
    await reader.read(noon, labels)
    await reader.read(noon + 250, labels)
    const seconds = store.asked.filter(({ what }) => what === 'seconds').map(({ fromMs }) => fromMs)
    expect(seconds).toEqual([noon - 306_000, noon - 30_000])
  })

  test('after a silence of an hour only what is shown is read, and what has left the window is gone', async () => {
    score(noon)
    await reader.read(noon + 2_000, labels)
    const live = await reader.read(noon + 3_600_000, labels)
    expect(store.asked.findLast(({ what }) => what === 'seconds')?.fromMs).toBe(noon + 3_600_000 - 306_000)
    expect(Math.max(...live.rate.values)).toBe(0)
  })

  test('polls and one single read draw the same picture', async () => {
    for (let n = 0; n < 2_000; n++) score(noon + n * 173, n % 3 === 0 ? 'negative' : 'positive', `tag${n % 7}`)
    const all = store.rows
    let polled: LiveData | undefined
    for (let nowMs = noon; nowMs <= noon + 346_000; nowMs += 2_000) {
      store.rows = all.filter(({ atMs }) => atMs <= nowMs)
      polled = await reader.read(nowMs, labels)
    }
    expect(polled).toEqual(await new LiveReader(store).read(noon + 346_000, labels))
  })
})

describe('classes', () => {
  test('shares are those of the last minute, in the order of the model, with unknown classes behind', async () => {
    score(noon - 90_000, 'negative')
    score(noon - 30_000, 'zebra')
    score(noon - 20_000, 'positive')
    score(noon - 10_000, 'positive')
    score(noon - 9_000, 'aardvark')
    const live = await reader.read(noon, labels)
    expect(live.labels).toEqual(['negative', 'positive', 'aardvark', 'zebra'])
    expect(live.classes.shares).toEqual([0, 0.5, 0.25, 0.25])
  })

  test('a step keeps its posts from one snapshot to the next', async () => {
    for (let n = 0; n < 60; n++) score(noon + n * 500)
    const first = await reader.read(noon + 31_000, labels)
    const later = await reader.read(noon + 34_000, labels)
    const at = (live: LiveData, ms: number) =>
      live.classes.counts[1]?.[(ms - live.classes.startMs) / live.classes.stepMs]
    for (const ms of [0, 5_000, 10_000, 20_000]) {
      expect(at(first, noon + ms)).toBe(10)
      expect(at(later, noon + ms)).toBe(10)
    }
  })
})

describe('hashtags', () => {
  test('are summed over ten minutes and by class, the most used first', async () => {
    score(noon - 11 * 60_000, 'positive', 'old')
    for (let n = 0; n < 9; n++) score(noon - n * 60_000, n < 4 ? 'positive' : 'negative', 'rain')
    score(noon, 'positive', 'sun')
    const { hashtags } = await reader.read(noon, labels)
    expect(hashtags).toEqual({
      minutes: 10,
      top: [
        { tag: 'rain', posts: 9, counts: [5, 4] },
        { tag: 'sun', posts: 1, counts: [0, 1] },
      ],
    })
  })

  test('count posts of a class that has left the other curves, as after a swap to a model with other classes', async () => {
    score(noon - 400_000, 'neutral', 'rain')
    for (let n = 0; n < 60; n++) score(noon - n, 'positive')
    const live = await reader.read(noon, labels)
    expect(live.labels).toEqual(['negative', 'positive', 'neutral'])
    expect(live.hashtags.top).toEqual([{ tag: 'rain', posts: 1, counts: [0, 0, 1] }])
  })

  test('and totals are read every two seconds, and only the minutes that may have changed', async () => {
    await reader.read(noon, labels)
    score(noon + 500, 'positive', 'rain')
    for (let ms = 250; ms < 2_000; ms += 250) {
      const live = await reader.read(noon + ms, labels)
      expect([live.hashtags.top, live.totals.scored]).toEqual([[], 0])
    }
    const live = await reader.read(noon + 2_000, labels)
    expect([live.hashtags.top[0]?.tag, live.totals.scored]).toEqual(['rain', 1])
    const asked = store.asked.filter(({ what }) => what === 'hashtags').map(({ fromMs }) => fromMs)
    expect(asked).toEqual([noon - 9 * 60_000, noon - 60_000])
  })
})

describe('newest posts', () => {
  test('stay when no newer ones come, however long that is', async () => {
    score(noon - 100 * 86_400_000)
    expect((await reader.read(noon, labels)).newest).toHaveLength(1)
    expect((await reader.read(noon + 7_200_000, labels)).newest).toHaveLength(1)
  })

  test('are the newest fifty, newest first, each once', async () => {
    for (let n = 0; n < 40; n++) score(noon + n)
    await reader.read(noon + 1_000, labels)
    for (let n = 40; n < 80; n++) score(noon + n)
    const { newest } = await reader.read(noon + 2_000, labels)
    expect(newest.map(({ scoredAtMs }) => scoredAtMs - noon)).toEqual(Array.from({ length: 50 }, (_, n) => 79 - n))
  })
})

test('a read that fails leaves what was kept, and the next one fills the gap', async () => {
  score(noon)
  await reader.read(noon + 2_000, labels)
  store.failing = new Error('away')
  score(noon + 10_000)
  await expect(reader.read(noon + 60_000, labels)).rejects.toThrow('away')
  store.failing = undefined
  const live = await reader.read(noon + 120_000, labels)
  expect(live.rate.values.reduce((sum, value) => sum + value, 0)).toBe(2)
  expect(live.totals.scored).toBe(2)
})
