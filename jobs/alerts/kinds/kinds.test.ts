import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectStore } from '../../../clickhouse/client.ts'
import type { Verdict } from '../../../clickhouse/rows/drift.ts'
import type { ScoreRow } from '../../../clickhouse/rows/scores.ts'
import { scoreRows } from '../../../clickhouse/testing/score-rows.ts'
import { type TestStore, testStore } from '../../../clickhouse/testing/test-store.ts'
import { AlertRule } from '../../../core/alert-settings.ts'
import { silentLog } from '../../../core/log.ts'
import { type Random, seededRandom } from '../../../core/random.ts'
import { look, type Waiting, worldOf } from '../look.ts'
import { driftCheck } from '../testing/drift-check.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
/** A Wednesday afternoon. */
const now = Date.UTC(2026, 2, 18, 15, 30)

let store: TestStore
let client: ClickHouseClient
let waiting: Waiting = { topic: 'posts', posts: 0, seconds: 0 }
let next = 0

beforeAll(async () => {
  store = await testStore('alert_kinds_test')
  client = await connectStore(store.config, { signal: new AbortController().signal, log: silentLog })
})
afterAll(async () => {
  await client.close()
  await store[Symbol.asyncDispose]()
})
beforeEach(async () => {
  for (const table of ['scores', 'dead_posts', 'drift_checks']) await client.command({ query: `TRUNCATE ${table}` })
})

const looked = (rule: object, at = now) =>
  look(
    AlertRule.parse({ name: 'r', ...rule }),
    worldOf(client, {
      model: 'm',
      waiting: async () => waiting,
      judged: new Map(),
      signal: new AbortController().signal,
    }),
    at,
  )
/** The groups for which the rule holds. */
const holds = async (rule: object, at = now) =>
  (await looked(rule, at)).findings.filter((one) => one.holds).map(({ group }) => group.name)

interface Posts {
  readonly at: number
  readonly posts: number
  readonly over?: Partial<ScoreRow>
  /** Over how long they are spread, in milliseconds. */
  readonly during?: number
}

const posts = (...parts: readonly Posts[]): ScoreRow[] =>
  parts.flatMap(({ at, posts: count, over = {}, during = minute }) => {
    const rows = scoreRows(next, count, 0, { source: 'demo', hashtags: [], label: 'neutral', ...over })
    next += count
    return rows.map((row, n) => {
      const time = at + Math.floor((during * n) / count)
      return { ...row, event_at: time, ingested_at: time, scored_at: time }
    })
  })
const insert = (rows: readonly ScoreRow[]) => client.insert({ table: 'scores', values: rows, format: 'JSONEachRow' })

describe('drift', () => {
  const check = (verdict: Verdict, at: number, details: object = {}) =>
    client.insert({
      table: 'drift_checks',
      values: [
        driftCheck({
          check_id: `c-${at}`,
          checked_at: at,
          model_name: 'm',
          verdict,
          details: JSON.stringify({ state: 'checked', headline: 'words moved', ...details }),
        }),
      ],
      format: 'JSONEachRow',
    })

  test('the newest check decides, at the verdict that the rule asks for', async () => {
    await check('drift', now - 2000)
    await check('warning', now - 1000)
    expect(await holds({ kind: 'drift' })).toEqual([])
    expect(await holds({ kind: 'drift', verdict: 'warning' })).toEqual(['m'])
  })

  test('an estimate that labels contradict holds too, unless it is switched off', async () => {
    await check('ok', now - 1000, { estimateFailed: true })
    expect(await holds({ kind: 'drift' })).toEqual(['m'])
    expect(await holds({ kind: 'drift', estimateFailed: false })).toEqual([])
  })

  test('a check that is too old, or none at all, holds when the rule asks for it', async () => {
    expect(await looked({ kind: 'drift' })).toEqual({ findings: [], note: 'm has not been checked yet' })
    expect(await holds({ kind: 'drift', staleSeconds: 60 })).toEqual(['m'])
    await check('ok', now - 61_000)
    expect(await holds({ kind: 'drift', staleSeconds: 60 })).toEqual(['m'])
    await check('ok', now - 60_000)
    expect(await holds({ kind: 'drift', staleSeconds: 60 })).toEqual([])
  })
})

describe('lag', () => {
  test('in seconds, in posts, or either', async () => {
    waiting = { topic: 'posts', posts: 500, seconds: 12 }
    expect(await holds({ kind: 'lag', seconds: 10 })).toEqual(['posts'])
    expect(await holds({ kind: 'lag', seconds: 12 })).toEqual([])
    expect(await holds({ kind: 'lag', posts: 499 })).toEqual(['posts'])
    expect(await holds({ kind: 'lag', seconds: 60, posts: 499 })).toEqual(['posts'])
    const { findings } = await looked({ kind: 'lag', seconds: 60, posts: 499 })
    expect(findings).toMatchObject([{ value: 500, threshold: 499 }])
  })
})

describe('silence', () => {
  beforeEach(() => {
    waiting = { topic: 'posts', posts: 0, seconds: 0 }
  })

  test('the stream is silent when its last minute with posts is longer ago than the rule allows', async () => {
    await insert(
      posts({ at: now - 11 * minute, posts: 3, during: 1 }, { at: now - minute, posts: 5, over: { shadow: 1 } }),
    )
    const { findings } = await looked({ kind: 'silence' })
    expect(findings).toMatchObject([{ holds: false, value: 600, threshold: 600 }])
    expect(await holds({ kind: 'silence' }, now + 1000)).toEqual([''])
    await insert(posts({ at: now - 30_000, posts: 1 }))
    expect(await holds({ kind: 'silence' }, now + 1000)).toEqual([])
  })

  test('a post dated in the future hides no silence', async () => {
    await insert(posts({ at: now - hour, posts: 3, during: 1 }, { at: now + hour, posts: 1 }))
    expect(await holds({ kind: 'silence' })).toEqual([''])
  })

  test('each source by itself; one that is silent for too long is forgotten, unless it is named', async () => {
    await insert(
      posts(
        { at: now - 2 * minute, posts: 1, over: { source: 'x' } },
        { at: now - 2 * hour, posts: 9, over: { source: 'y' } },
        { at: now - 2 * day, posts: 9, over: { source: 'z' } },
      ),
    )
    const rule = { kind: 'silence', by: 'source' }
    expect(await holds(rule)).toEqual(['y'])
    expect(await holds({ ...rule, memoryHours: 72 })).toEqual(['y', 'z'])
    expect(await holds({ ...rule, only: ['x', 'z', 'never'] })).toEqual(['z', 'never'])
    const { findings } = await looked({ ...rule, only: ['never'] })
    expect(findings[0]?.summary).toBe('no post of source never for at least 86400 s (limit 600 s)')
  })

  test('a stream without any post is silent', async () => {
    expect(await holds({ kind: 'silence' })).toEqual([''])
  })

  test('a score job that stands still is no silence', async () => {
    await insert(posts({ at: now - hour, posts: 9, during: 1 }))
    waiting = { topic: 'posts', posts: 40, seconds: 3590 }
    const { findings, note } = await looked({ kind: 'silence' })
    expect(findings).toMatchObject([{ holds: false, value: 0 }])
    expect(note).toBe('40 posts wait to be scored: judged as of 3590 s ago')
    waiting = { topic: 'posts', posts: 40, seconds: 1200 }
    expect(await holds({ kind: 'silence' })).toEqual([''])
  })
})

describe('errorRate', () => {
  const dead = (count: number, at: number, code: string) =>
    client.insert({
      table: 'dead_posts',
      values: Array.from({ length: count }, (_, n) => ({ dead_at: at, stage: 'score', code, reason: '', offset: n })),
      format: 'JSONEachRow',
    })

  test('dead posts among all of the window, with the code that is most frequent', async () => {
    await insert(posts({ at: now - 4 * minute, posts: 90 }, { at: now - hour, posts: 1000 }))
    await dead(9, now - minute, 'POST_INVALID')
    await dead(1, now - minute, 'INFERENCE_FAILED')
    await dead(500, now - hour, 'POST_INVALID')
    const { findings } = await looked({ kind: 'errorRate', above: 0.05 })
    expect(findings).toMatchObject([{ holds: true, value: 0.1, details: { posts: 100, dead: 10 } }])
    expect(findings[0]?.summary).toContain('most with POST_INVALID')
    expect(await holds({ kind: 'errorRate', above: 0.1 })).toEqual([])
  })

  test('too few posts say nothing', async () => {
    await dead(3, now - minute, 'POST_INVALID')
    expect((await looked({ kind: 'errorRate', above: 0.05 })).note).toBe('3 posts in 300 s; 20 are needed to judge')
    expect(await holds({ kind: 'errorRate', above: 0.05, minPosts: 3 })).toEqual([''])
  })
})

describe('sentiment', () => {
  const at = now - 5 * minute
  const mixed = () =>
    insert(
      posts(
        { at, posts: 150, over: { source: 'x', label: 'negative', hashtags: ['late', 'late', 'train'] } },
        { at, posts: 50, over: { source: 'x', label: 'positive', hashtags: ['late'] } },
        { at, posts: 100, over: { source: 'y', label: 'positive', hashtags: ['sun'] } },
        { at, posts: 100, over: { source: 'z', label: 'negative', shadow: 1 } },
        { at: now - hour, posts: 1000, over: { source: 'y', label: 'negative' } },
      ),
    )

  test('the share of a class over the whole stream, without shadow rows and what is older', async () => {
    await mixed()
    const { findings } = await looked({ kind: 'sentiment', share: 'negative', above: 0.49 })
    expect(findings).toMatchObject([{ holds: true, value: 0.5, details: { posts: 300 } }])
    expect(await holds({ kind: 'sentiment', share: 'negative', above: 0.5 })).toEqual([])
    expect(await holds({ kind: 'sentiment', share: 'negative', below: 0.51 })).toEqual([''])
  })

  test('each source, and each hashtag once per post, by itself', async () => {
    await mixed()
    expect(await holds({ kind: 'sentiment', share: 'negative', above: 0.7, by: 'source' })).toEqual(['x'])
    const tags = await looked({ kind: 'sentiment', share: 'negative', above: 0.7, by: 'hashtag' })
    expect(tags.findings.map(({ group, value }) => [group.name, value])).toEqual([
      ['late', 0.75],
      ['train', 1],
      ['sun', 0],
    ])
    expect(await holds({ kind: 'sentiment', share: 'negative', above: 0.7, by: 'hashtag', only: ['#Train'] })).toEqual([
      'train',
    ])
  })

  test('a mean of numbers for the classes', async () => {
    await mixed()
    const mean = { positive: 1, negative: -1 }
    expect((await looked({ kind: 'sentiment', mean, below: -0.1, by: 'source' })).findings).toMatchObject([
      { group: { name: 'x' }, value: -0.5, holds: true, threshold: -0.1 },
      { group: { name: 'y' }, value: 1, holds: false },
    ])
  })

  test('groups with too few posts, and those beyond the cap, are not judged', async () => {
    await mixed()
    expect(await holds({ kind: 'sentiment', share: 'negative', above: 0.1, by: 'source', minPosts: 201 })).toEqual([])
    const { findings } = await looked({ kind: 'sentiment', share: 'negative', above: 0.1, by: 'hashtag', maxGroups: 1 })
    expect(findings.map(({ group }) => group.name)).toEqual(['late'])
    expect((await looked({ kind: 'sentiment', share: 'negative', above: 0.1, minPosts: 500 })).note).toBe(
      'no window has 500 posts',
    )
  })

  test('a window waits for late posts', async () => {
    await insert(posts({ at: now - 5000, posts: 100, over: { label: 'negative' }, during: 1 }))
    const rule = { kind: 'sentiment', share: 'negative', above: 0.1 }
    expect(await holds(rule)).toEqual([])
    expect(await holds({ ...rule, latenessSeconds: 4 })).toEqual([''])
  })
})

describe('spike', () => {
  const rule = { kind: 'spike', windowMinutes: 10, latenessSeconds: 0 }
  const window = now - 10 * minute
  const poisson = (mean: number, random: Random) => {
    let [count, at] = [-1, 0]
    while (at <= mean) {
      at -= Math.log(1 - random())
      count++
    }
    return count
  }
  /** Ten days of a stream with a peak at 15:20 each day, 60 posts in ten minutes against 15 at other times. */
  const history = (over: (random: Random) => Partial<ScoreRow> = () => ({}), days = 10) => {
    const random = seededRandom(4)
    return Array.from({ length: days }, (_, n) => n + 1).flatMap((n) =>
      [
        { at: window - n * day, mean: 60 },
        { at: window - n * day - 2 * hour, mean: 15 },
      ].flatMap(({ at, mean }) =>
        posts({ at, posts: poisson(mean, random), during: 10 * minute }).map((row) => ({ ...row, ...over(random) })),
      ),
    )
  }

  test('the peak that comes each day is no spike; as many posts at a quiet hour are one', async () => {
    await insert([...history(), ...posts({ at: window, posts: 62 }, { at: window - 2 * hour, posts: 62 })])
    expect(await holds(rule)).toEqual([])
    const quiet = await looked(rule, now - 2 * hour)
    expect(quiet.findings).toMatchObject([{ holds: true, value: 62, details: { seasons: 10 } }])
    expect(quiet.findings[0]?.summary).toMatch(/^62 posts of the stream in 10 min, 1\d\.\d were expected$/)
  })

  test('more than the daily peak is one', async () => {
    await insert([...history(), ...posts({ at: window, posts: 180 })])
    expect(await holds(rule)).toEqual([''])
  })

  test('a rise that is sure but small is none', async () => {
    await insert([...history(), ...posts({ at: window, posts: 95 })])
    const sure = { ...rule, falseAlarmsPerDay: 10 }
    expect(await holds({ ...sure, minRatio: 1 })).toEqual([''])
    expect(await holds(sure)).toEqual([])
  })

  test('too little history judges nothing, and says so', async () => {
    await insert([...history(() => ({}), 6), ...posts({ at: window, posts: 600 })])
    expect(await looked(rule)).toEqual({
      findings: [],
      note: 'too little history: 6 past seasons with posts at this time, 7 are needed',
    })
    expect(await holds({ ...rule, minPeriods: 6 })).toEqual([''])
  })

  test('a day on which the stream stood still does not count as a day without posts', async () => {
    const rows = history().filter(({ event_at }) => event_at < window - 4 * day || event_at >= window - 3 * day)
    await insert([...rows, ...posts({ at: window, posts: 180 })])
    expect((await looked(rule)).findings).toMatchObject([{ details: { seasons: 9 } }])
  })

  test('a hashtag nobody had used before spikes, among many that are as always', async () => {
    const usual = (random: Random) => ({ hashtags: [`tag${Math.floor(random() * 2)}`] })
    const live = posts({ at: window, posts: 64 }, { at: window, posts: 40, over: { hashtags: ['news'] } })
    const random = seededRandom(8)
    await insert([
      ...history(usual),
      ...live.map((row) => (row.hashtags.length > 0 ? row : { ...row, ...usual(random) })),
    ])
    const found = await looked({ ...rule, by: 'hashtag' })
    expect(found.findings.map(({ group, holds: is }) => [group.name, is]).sort()).toEqual([
      ['news', true],
      ['tag0', false],
      ['tag1', false],
    ])
  })

  test('among hundreds of hashtags without a change hardly any alarms, whichever happens to have most posts now', async () => {
    const random = seededRandom(12)
    const tags = Array.from({ length: 300 }, (_, n) => `t${n}`)
    const windows = Array.from({ length: 15 }, (_, n) =>
      posts({ at: window - n * day, posts: 300 * 14, during: 10 * minute }).map((row) => ({
        ...row,
        hashtags: [tags[Math.floor(random() * tags.length)] ?? ''],
      })),
    )
    await insert(windows.flat())
    const { findings } = await looked({ ...rule, by: 'hashtag', falseAlarmsPerDay: 10, minRatio: 1 })
    expect(findings.length).toBeGreaterThan(5) // those that have 20 posts by chance: 14 are usual
    expect(findings.filter(({ holds: is }) => is)).toEqual([])
    expect(findings[0]?.details.adjusted).toBeGreaterThan(0.07)
  })

  test('the share of a class, per source', async () => {
    const label = (share: number) => (random: Random) => ({ label: random() < share ? 'negative' : 'neutral' })
    const random = seededRandom(9)
    const live = posts({ at: window, posts: 70 }).map((row) => ({ ...row, ...label(0.75)(random) }))
    await insert([...history(label(0.2)), ...live])
    const share = { ...rule, share: 'negative', by: 'source' }
    expect(await holds(share)).toEqual(['demo'])
    expect((await looked(share)).findings[0]?.summary).toMatch(
      / of 70 posts of source demo in 10 min are negative, \d+\.\d % were expected$/,
    )
    expect(await holds({ ...share, share: 'positive' })).toEqual([])
  })

  test('a window is judged once it is complete, and until the next one is', async () => {
    await insert([...history(), ...posts({ at: window, posts: 180 })])
    expect(await holds(rule, now - 1)).toEqual([])
    expect(await holds(rule, now)).toEqual([''])
    expect(await holds(rule, now + 10 * minute - 1)).toEqual([''])
    expect(await holds({ ...rule, latenessSeconds: 30 }, now + 29_000)).toEqual([])
    expect(await holds({ ...rule, latenessSeconds: 30 }, now + 30_000)).toEqual([''])
  })
})
