import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { storeClient } from '../../clickhouse/client.ts'
import { type StoreProcess, startStoreProcess } from '../../clickhouse/embedded/start.ts'
import type { DeadPostRow, ScoreRow } from '../../clickhouse/rows/scores.ts'
import { loadConfig } from '../../core/config.ts'
import { NewestPost } from '../protocol.ts'
import { clickhouseLiveStore, type LiveStore } from './live-store.ts'

const data = mkdtempSync(join(tmpdir(), 'driftline-live-store-'))
const { config } = loadConfig({ data }, {}, data)
const startStore = () =>
  startStoreProcess({ data, port: 0, anyPort: true, database: config.database, logLevel: 'warn' })

let process: StoreProcess
let client: ClickHouseClient
let store: LiveStore & AsyncDisposable
beforeAll(async () => {
  process = await startStore()
  client = storeClient(config)
  store = clickhouseLiveStore(() => storeClient(config))
})
afterAll(async () => {
  await store[Symbol.asyncDispose]()
  await client.close()
  await process[Symbol.asyncDispose]()
  rmSync(data, { recursive: true })
})
beforeEach(async () => {
  await client.command({ query: 'TRUNCATE TABLE scores' })
  await client.command({ query: 'TRUNCATE TABLE dead_posts' })
})

const noon = Date.UTC(2026, 0, 1, 12)
let offset = 0
const score = (over: Partial<ScoreRow> = {}): ScoreRow => ({
  post_id: `post-${offset}`,
  event_at: Date.UTC(2013, 0, 1), // a replay of old posts
  ingested_at: noon,
  scored_at: noon,
  source: 'file',
  lang: 'en',
  author: '',
  text: 'a post',
  hashtags: [],
  given_label: '',
  meta: {},
  label: 'positive',
  confidence: 0.75,
  probabilities: [0.25, 0.75],
  margin: 0.5,
  tokens: 3,
  unknown_tokens: 0,
  signals: {},
  model_name: 'social-bag',
  model_version: 1,
  shadow: 0,
  stood_in_for: 0,
  topic: 'posts',
  topic_id: 'identity',
  partition: 0,
  offset: offset++,
  batch_id: 'batch',
  inference_us: 10,
  ...over,
})
const insert = (values: readonly ScoreRow[]) =>
  client.insert({ table: 'scores', values: [...values], format: 'JSONEachRow' })

test('posts are counted by the second of their scoring and by class, shadow rows left out', async () => {
  await insert([
    score({ scored_at: noon - 1 }),
    score({ scored_at: noon }),
    score({ scored_at: noon + 999 }),
    score({ scored_at: noon + 999, shadow: 1 }),
    score({ scored_at: noon + 999, label: 'negative' }),
    score({ scored_at: noon + 1_000 }),
  ])
  expect(await store.seconds(noon)).toEqual([
    { second: noon / 1000, label: 'negative', posts: 1 },
    { second: noon / 1000, label: 'positive', posts: 2 },
    { second: noon / 1000 + 1, label: 'positive', posts: 1 },
  ])
})

describe('newest posts', () => {
  test('come newest first, as many as asked for, one key each', async () => {
    await insert(Array.from({ length: 20 }, (_, n) => score({ scored_at: noon + n, partition: n % 3, offset: 100 })))
    const newest = await store.newest(noon + 5, 10)
    expect(newest.map(({ scoredAtMs }) => scoredAtMs - noon)).toEqual([19, 18, 17, 16, 15, 14, 13, 12, 11, 10])
    expect(await store.newest(noon + 15, 10)).toHaveLength(5)
    for (const post of newest) expect(NewestPost.parse(post)).toEqual(post)
  })

  test('are cut after 600 characters and not within one; what is hostile comes back as it is', async () => {
    const texts = [
      '👩‍🚀'.repeat(500),
      '<img src=x onerror=alert(1)>',
      '\'; DROP TABLE scores; --\n\n"',
      '\u202eback\t\\N',
      'x'.repeat(600),
    ]
    await insert(texts.map((text, n) => score({ text, scored_at: noon - n, source: text.slice(0, 60) })))
    const newest = await store.newest(noon - 100, 10)
    expect(newest.map(({ text }) => text)).toEqual([[...'👩‍🚀'.repeat(200)].join(''), ...texts.slice(1)])
    expect(newest.map(({ cut }) => cut)).toEqual([true, false, false, false, false])
  })
})

test('a model that gives no number, or one above 1, does not take the page down', async () => {
  await insert([score({ confidence: 1.0000001 }), score({ confidence: 0.5 })])
  await client.command({
    query:
      "INSERT INTO scores (topic, offset, scored_at, confidence) SELECT 'posts', 999, toDateTime64('2026-01-01 13:00:00', 3, 'UTC'), nan",
  })
  expect((await store.newest(noon, 10)).map(({ confidence }) => confidence).sort()).toEqual([0, 0.5, 1])
})

test('hashtags are counted by minute of scoring and by class', async () => {
  await insert([
    score({ hashtags: ['rain', 'sun'] }),
    score({ hashtags: ['rain'], label: 'negative' }),
    score({ hashtags: ['rain'], scored_at: noon + 60_000 }),
    score({ hashtags: ['old'], scored_at: noon - 60_000 }),
    score({ hashtags: ['shadow'], shadow: 1 }),
  ])
  const found = await store.hashtags(noon)
  const seen = found.map(({ minute, tag, counts }) => [minute * 1000 - noon, tag, Object.fromEntries(counts)])
  expect(seen.sort()).toEqual(
    [
      [0, 'rain', { positive: 1, negative: 1 }],
      [0, 'sun', { positive: 1 }],
      [60_000, 'rain', { positive: 1 }],
    ].sort(),
  )
})

test('the last score is found, however old it is', async () => {
  expect(await store.lastScoredMs()).toBe(0)
  await insert([score({ scored_at: noon }), score({ scored_at: noon - 1 }), score({ scored_at: noon + 9, shadow: 1 })])
  expect(await store.lastScoredMs()).toBe(noon)
})

test('positions are those after the last row of each partition and identity of the topic', async () => {
  await insert([
    score({ partition: 1, offset: 4 }),
    score({ partition: 1, offset: 5 }),
    score({ partition: 2, offset: 0, topic_id: 'another' }),
    score({ partition: 3, offset: 9, topic: 'other' }),
  ])
  expect(await store.positions('posts')).toEqual([
    { topicId: 'another', partition: 2, next: 1 },
    { topicId: 'identity', partition: 1, next: 6 },
  ])
})

test('totals are all that was scored and all that was refused', async () => {
  await insert([score(), score(), score({ shadow: 1 })])
  const dead: DeadPostRow = {
    dead_at: noon,
    stage: 'ingest',
    code: 'POST_INVALID',
    reason: 'no text',
    origin: 'file posts.jsonl line 7',
    raw_base64: '',
    raw_bytes: 0,
    topic: 'posts.dead',
    topic_id: 'identity',
    partition: 0,
    offset: 0,
  }
  await client.insert({ table: 'dead_posts', values: [dead], format: 'JSONEachRow' })
  expect(await store.totals()).toEqual({ scored: 2, dead: 1 })
})

test('tables that nobody has made yet are told as such', async () => {
  const elsewhere = clickhouseLiveStore(() => storeClient({ ...config, database: 'elsewhere' }))
  await expect(elsewhere.totals()).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    details: { reason: 'it has no tables yet' },
  })
  await elsewhere[Symbol.asyncDispose]()
})

test('a store that stops is away, and one that comes back on another port is found', async () => {
  await insert([score()])
  expect(await store.totals()).toEqual({ scored: 1, dead: 0 })
  const { url } = process
  await process[Symbol.asyncDispose]()
  for (let n = 0; n < 2; n++) await expect(store.totals()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  process = await startStore()
  expect(process.url).not.toBe(url)
  expect(await store.totals()).toEqual({ scored: 1, dead: 0 })
  await client.close()
  client = storeClient(config)
})
