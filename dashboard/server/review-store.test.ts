import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { insertLabels, insertReviews } from '../../clickhouse/labels.ts'
import { migrate } from '../../clickhouse/migrate.ts'
import type { LabelRow, ReviewRow } from '../../clickhouse/rows/labels.ts'
import { type TestStore, testStore } from '../../clickhouse/testing/test-store.ts'
import { clickhouseReviewStore, type ReviewStore } from './review-store.ts'
import { type StoreSession, storeSession } from './store-session.ts'

const database = 'driftline_review_store'
const noon = Date.UTC(2026, 0, 1, 12)
let owner: TestStore
let client: ClickHouseClient
let session: StoreSession
let store: ReviewStore

beforeAll(async () => {
  owner = await testStore(database)
  client = owner.client({ database })
  await migrate(client, database)
  session = storeSession(() => owner.client({ database }))
  store = clickhouseReviewStore(session)
})
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  await owner[Symbol.asyncDispose]()
})
beforeEach(async () => {
  for (const table of ['labels', 'review_queue']) await client.command({ query: `TRUNCATE TABLE ${table}` })
})

const queue = (rows: readonly Partial<ReviewRow>[]) =>
  insertReviews(
    client,
    rows.map((over, n) => ({
      queued_at: noon,
      check_id: 'check',
      post_id: `post-${n}`,
      text: `text ${n}`,
      event_at: noon - 1000 * n,
      source: 'demo',
      lang: 'en',
      model_name: 'sentiment',
      model_version: 1,
      classes: ['negative', 'neutral', 'positive'],
      label: 'neutral',
      probabilities: [0.2, 0.5, 0.3],
      strategy: 'audit',
      selection_probability: 0.1,
      ...over,
    })),
  )
const label = (rows: readonly Partial<LabelRow>[]) =>
  insertLabels(
    client,
    rows.map((over) => ({
      post_id: 'post-0',
      labelled_by: 'ada',
      labelled_at: noon,
      label: 'neutral',
      text: 'text 0',
      event_at: noon,
      origin: 'review',
      selection_probability: 0.1,
      note: '',
      ...over,
    })),
  )
const next = async (reviewer: string, except: readonly string[] = []) =>
  (await store.next(reviewer, except, 1000)).map(({ post_id }) => post_id)

test('the newest check comes first, within a check in an order of chance; what others hold is left out', async () => {
  await queue([
    ...Array.from({ length: 50 }, (_, n) => ({ post_id: `old-${n}`, check_id: 'old', queued_at: noon - 1 })),
    ...Array.from({ length: 50 }, (_, n) => ({ post_id: `new-${n}` })),
  ])
  const order = await next('ada', ['new-7'])
  expect(order).toHaveLength(99)
  expect(order.slice(0, 49).every((id) => id.startsWith('new'))).toBe(true)
  expect(order).not.toContain('new-7')
  expect(order.slice(0, 49)).not.toEqual(order.slice(0, 49).toSorted())
  expect(await next('ben', ['new-7'])).toEqual(order)
})

test('one answer is enough for nine posts of ten, the tenth wants two; one that nobody answered is open', async () => {
  const posts = Array.from({ length: 300 }, (_, n) => ({ post_id: `post-${n}` }))
  await queue(posts)
  await label(posts)
  const again = await next('ben')
  expect(again.length).toBeGreaterThan(10)
  expect(again.length).toBeLessThan(60)
  expect(await next('ada')).toEqual([])
  await label(again.map((post_id) => ({ post_id, labelled_by: 'ben' })))
  expect(await next('cem')).toEqual([])
  await label([{ post_id: 'post-5', label: '', note: 'withdrawn', labelled_at: noon + 1 }])
  expect(await next('cem')).toContain('post-5')
})

test('a post that was passed over is for others, one that was taken back for the same person too', async () => {
  await queue([{}, {}])
  await label([
    { label: '', note: 'skipped' },
    { post_id: 'post-1', label: '', note: 'withdrawn' },
  ])
  expect(await next('ada')).toEqual(['post-1'])
  expect((await next('ben')).sort()).toEqual(['post-0', 'post-1'])
})

test('where answers tie, others are asked and the dispute is listed until an adjudicator has spoken', async () => {
  await queue([{}])
  await label([{}, { labelled_by: 'ben', label: 'positive' }])
  expect(await next('cem')).toEqual(['post-0'])
  expect(await next('ada')).toEqual([])
  expect(await store.disputes([], 10)).toMatchObject([
    { post_id: 'post-0', classes: ['negative', 'neutral', 'positive'] },
  ])
  expect(await store.disputes(['post-0'], 10)).toEqual([])
  expect(await store.progress()).toMatchObject({ asked: 1, answered: 1, disputed: 1, labelled: 1 })
  await label([{ labelled_by: 'eve', label: 'positive', origin: 'adjudication' }])
  expect(await store.disputes([], 10)).toEqual([])
  expect(await next('cem')).toEqual([])
})

test('contradictory labels that were imported are disputes too, though nobody was asked', async () => {
  await label([{ origin: 'import' }, { labelled_by: 'ben', label: 'positive', origin: 'import' }])
  expect(await store.disputes([], 10)).toMatchObject([{ post_id: 'post-0', text: 'text 0', classes: [], source: '' }])
  expect(await store.post('post-0')).toBeUndefined()
})

test('a post queued twice by accident counts once, as it was queued first', async () => {
  await queue([{ selection_probability: 0.1 }])
  await queue([{ selection_probability: 0.9, queued_at: noon + 5 }])
  expect(await next('ada')).toEqual(['post-0'])
  expect(await store.post('post-0')).toMatchObject({ selection_probability: 0.1 })
  expect(await store.progress()).toMatchObject({ asked: 1, queued_at_ms: noon + 5 })
})

test('an answer that is written is what is read', async () => {
  await queue([{}])
  const row: LabelRow = {
    post_id: 'post-0',
    labelled_by: "o'hara \\ \n",
    labelled_at: noon + 1,
    label: 'positive',
    text: 'text 0',
    event_at: noon,
    origin: 'review',
    selection_probability: 0.125,
    note: 'x',
  }
  await store.write(row)
  const { labelled_at, event_at, ...rest } = row
  expect(await store.answers(['post-0'])).toEqual([{ ...rest, labelled_at_ms: labelled_at, event_at_ms: event_at }])
  await label([{ labelled_by: 'ben', label: '', note: 'skipped' }, { labelled_by: 'cem' }])
  expect(await store.people()).toEqual([
    { labelled_by: 'cem', answers: 1, skipped: 0 },
    { labelled_by: row.labelled_by, answers: 1, skipped: 0 },
    { labelled_by: 'ben', answers: 0, skipped: 1 },
  ])
  expect((await store.disputed(0)).map((answers) => [...answers].sort())).toEqual([['neutral', 'positive']])
  expect(await store.disputed(noon + 9)).toEqual([])
})

test('an empty queue says so', async () => {
  expect(await next('ada')).toEqual([])
  expect(await store.progress()).toEqual({ asked: 0, answered: 0, disputed: 0, labelled: 0, queued_at_ms: 0 })
})
