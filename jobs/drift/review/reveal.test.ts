import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { insertReviews } from '../../../clickhouse/labels.ts'
import { migrate } from '../../../clickhouse/migrate.ts'
import { select } from '../../../clickhouse/queries.ts'
import { scoreRows } from '../../../clickhouse/testing/score-rows.ts'
import { type TestStore, testStore } from '../../../clickhouse/testing/test-store.ts'
import { reveal, simulatedReviewer } from './reveal.ts'

const database = 'driftline_reveal'
const posts = scoreRows(0, 1000).map((row, n) => ({ ...row, given_label: n % 10 === 0 ? '' : `true-${n % 3}` }))
const lastMs = Math.max(...posts.map(({ scored_at }) => scored_at))
let store: TestStore
let client: ClickHouseClient

beforeAll(async () => {
  store = await testStore(database)
  client = store.client({ database })
  await migrate(client, database)
  await client.insert({ table: 'scores', values: posts, format: 'JSONEachRow' })
})
afterAll(async () => store[Symbol.asyncDispose]())
beforeEach(async () => {
  for (const table of ['labels', 'review_queue']) await client.command({ query: `TRUNCATE TABLE ${table}` })
})

const at = (nowMs: number, over: Partial<Parameters<typeof reveal>[0]> = {}) =>
  reveal({
    connect: () => store.client({ database }),
    share: 0,
    queue: false,
    delayMs: 5000,
    perSecond: 10_000,
    clock: { now: () => nowMs, sleep: async () => undefined },
    signal: new AbortController().signal,
    ...over,
  })
const labels = () => select(client, 'label_answers', { from_ms: 0, to_ms: Date.UTC(2200, 0, 1) })

test('a share of the posts get the label that they came with, once, and with that probability', async () => {
  const answered = await at(lastMs + 6000, { share: 0.1 })
  expect(answered).toBeGreaterThan(60)
  expect(answered).toBeLessThan(120)
  expect(await at(lastMs + 7000, { share: 0.1 })).toBe(0)
  const given = new Map(posts.map(({ post_id, given_label }) => [post_id, given_label]))
  for (const { post_id, label, labelled_by, selection_probability } of await labels()) {
    expect({ label, labelled_by }).toEqual({ label: given.get(post_id), labelled_by: simulatedReviewer })
    expect(selection_probability).toBeCloseTo(0.1)
  }
})

test('no post is answered before its delay, and no more than the rate', async () => {
  expect(await at(Date.UTC(2025, 0, 1) + 5000, { share: 1 })).toBe(0)
  expect(await at(lastMs + 6000, { share: 1, perSecond: 7 })).toBe(7)
})

test('the review queue is worked off with the probabilities of its posts; what came without a label stays in it', async () => {
  const rows = posts.slice(0, 20).map((post) => ({
    queued_at: 1000,
    check_id: 'c',
    post_id: post.post_id,
    text: post.text,
    event_at: post.event_at,
    source: post.source,
    lang: post.lang,
    model_name: 'test',
    model_version: 1,
    classes: ['a', 'b'],
    label: 'a',
    probabilities: [1, 0],
    strategy: 'margin' as const,
    selection_probability: 0.25,
  }))
  await insertReviews(client, rows)
  expect(await at(5999, { queue: true })).toBe(0)
  expect(await at(6000, { queue: true })).toBe(18)
  expect(await at(6001, { queue: true })).toBe(0)
  expect((await labels()).map(({ selection_probability }) => selection_probability)).toEqual(Array(18).fill(0.25))
})
