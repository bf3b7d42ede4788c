import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { insertLabels } from '../../../clickhouse/labels.ts'
import { migrate } from '../../../clickhouse/migrate.ts'
import type { ScoreRow } from '../../../clickhouse/rows/scores.ts'
import { scoreRows } from '../../../clickhouse/testing/score-rows.ts'
import { type TestStore, testStore } from '../../../clickhouse/testing/test-store.ts'
import { systemClock } from '../../../core/clock.ts'
import { seededRandom } from '../../../core/random.ts'
import { type FillQueue, fillQueue } from './fill-queue.ts'

const database = 'driftline_queue'
const from = Date.UTC(2025, 0, 1)
let store: TestStore
let client: ClickHouseClient

beforeAll(async () => {
  store = await testStore(database)
  client = store.client({ database })
  await migrate(client, database)
})
afterAll(async () => store[Symbol.asyncDispose]())

/** 1,000 posts of version 1, seven milliseconds apart, nothing labelled, nothing queued. */
beforeEach(async () => {
  for (const table of ['scores', 'labels', 'review_queue']) await client.command({ query: `TRUNCATE TABLE ${table}` })
  await insert(scoreRows(0, 1000).map((row, n) => ({ ...row, probabilities: [0.5 + n / 2000, 0.5 - n / 2000] })))
})

const insert = (values: readonly ScoreRow[]) =>
  client.insert({ table: 'scores', values: [...values], format: 'JSONEachRow' })
const fill = (over: Partial<FillQueue> = {}) =>
  fillQueue({
    client,
    check: { checkId: 'one', window: { from, to: from + 7000 }, modelName: 'test', modelVersion: 1 },
    classes: ['no', 'yes'],
    random: seededRandom(1),
    clock: systemClock,
    ...over,
  })
const another = { checkId: 'two', window: { from, to: from + 7000 }, modelName: 'test', modelVersion: 1 }

const Queued = z.array(
  z.object({
    post_id: z.string(),
    check_id: z.string(),
    selection_probability: z.number(),
    classes: z.array(z.string()),
  }),
)
const queue = async () =>
  Queued.parse(await (await client.query({ query: 'SELECT * FROM review_queue', format: 'JSONEachRow' })).json())

test('asks about at most the budget, with known probabilities that add up to the posts there are', async () => {
  const filled = await fill()
  expect(filled).toMatchObject({ population: 1000, open: filled.queued })
  expect(filled.queued).toBeLessThanOrEqual(100)
  expect(filled.queued).toBeGreaterThan(85)
  const rows = await queue()
  expect(rows).toHaveLength(filled.queued)
  for (const row of rows) expect(row).toMatchObject({ check_id: 'one', classes: ['no', 'yes'] })
  const weight = rows.reduce((sum, row) => sum + 1 / row.selection_probability, 0)
  expect(weight).toBeGreaterThan(600)
  expect(weight).toBeLessThan(1500)
})

test('a check asks once, however often it is repeated', async () => {
  const first = await fill()
  expect(await fill()).toMatchObject({ queued: 0, reason: 'asked before', open: first.queued })
  expect(await queue()).toHaveLength(first.queued)
})

test('never asks about a post that is queued or labelled already, or that was scored twice, again', async () => {
  await insert(scoreRows(1000, 500).map((row, n) => ({ ...row, post_id: `post-0-${n}`, event_at: from + n })))
  const answer = { labelled_by: 'ada', labelled_at: from, label: 'no', text: 'x', event_at: from } as const
  const labelled = Array.from({ length: 400 }, (_, n) => `post-0-${n}`)
  await insertLabels(
    client,
    labelled.map((post_id) => ({ ...answer, post_id, origin: 'import', selection_probability: 1, note: '' })),
  )
  for (let check = 0; check < 7; check++)
    await fill({ check: { ...another, checkId: `check ${check}` }, capacity: 600 })
  const asked = (await queue()).map((row) => row.post_id)
  expect(asked.length).toBeGreaterThan(500)
  expect(new Set(asked).size).toBe(asked.length)
  expect(asked.filter((id) => labelled.includes(id))).toEqual([])
})

test('a queue that nobody works off is not made longer', async () => {
  expect((await fill({ capacity: 30 })).queued).toBeLessThanOrEqual(30)
  expect(await fill({ check: another, capacity: 20 })).toMatchObject({ queued: 0, reason: 'the queue is full' })
})

test('of a large window a share is looked at, and the probabilities say so', async () => {
  const filled = await fill({ candidates: 200 })
  const rows = await queue()
  expect(rows.length).toBe(filled.queued)
  for (const row of rows) expect(row.selection_probability).toBeLessThanOrEqual(0.2)
})

test('shadow rows, other versions and posts outside the window are not asked about', async () => {
  await insert(scoreRows(5000, 50, 1, { shadow: 1, event_at: from + 1 }))
  await insert(scoreRows(5000, 50, 2, { model_version: 2, event_at: from + 1 }))
  const narrow = { ...another, window: { from, to: from + 70 } }
  expect(await fill({ check: narrow })).toMatchObject({ population: 10, queued: 10 })
})

test('a window without posts asks for nothing', async () => {
  const empty = { ...another, window: { from: 0, to: 1 } }
  expect(await fill({ check: empty })).toMatchObject({ queued: 0, reason: 'no posts' })
})
