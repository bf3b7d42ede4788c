import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertGuarded, type Origin } from './insert-guarded.ts'
import type { DeadPostRow } from './rows/scores.ts'
import { scoreRows } from './testing/score-rows.ts'
import { type TestStore, testStore } from './testing/test-store.ts'

const database = 'driftline_guarded'
let store: TestStore
let client: ClickHouseClient

beforeAll(async () => {
  store = await testStore(database)
  client = store.client({ database })
})
afterAll(async () => store[Symbol.asyncDispose]())

const origin = (partition: number): Origin => ({ topic: 'posts', topicId: 'T', partition })
const one = async (query: string): Promise<unknown> => {
  const result = await client.query({ query, format: 'JSONCompactEachRow' })
  const [row] = await result.json<unknown[]>()
  return row
}
const held = (partition: number) =>
  one(`SELECT count(), uniqExact(offset), min(offset), max(offset) FROM scores WHERE partition = ${partition}`)

test('the first row of a partition has offset 0 and is kept', async () => {
  await insertGuarded(client, 'scores', origin(1), scoreRows(0, 1, 1))
  expect(await held(1)).toEqual([1, 1, 0, 0])
})

test('a repeated insert changes nothing, and one that overlaps adds only what is new', async () => {
  await insertGuarded(client, 'scores', origin(2), scoreRows(0, 100, 2))
  await insertGuarded(client, 'scores', origin(2), scoreRows(0, 100, 2))
  await insertGuarded(client, 'scores', origin(2), scoreRows(50, 100, 2))
  expect(await held(2)).toEqual([150, 150, 0, 149])
})

test('partitions and identities of a topic are guarded apart', async () => {
  await insertGuarded(client, 'scores', origin(3), scoreRows(500, 10, 3))
  await insertGuarded(client, 'scores', { ...origin(3), topicId: 'U' }, scoreRows(0, 10, 3, { topic_id: 'U' }))
  expect(await held(3)).toEqual([20, 20, 0, 509])
})

test('shadow rows move no position: the rows beside them are still new', async () => {
  const rows = scoreRows(0, 10, 4)
  const shadowRows = rows.map((row) => ({ ...row, shadow: 1 as const }))
  await client.insert({ table: 'scores', values: shadowRows, format: 'JSONEachRow' })
  await insertGuarded(client, 'scores', origin(4), rows)
  await insertGuarded(client, 'scores', origin(4), rows)
  expect(await held(4)).toEqual([20, 10, 0, 9])
})

test('an insert of 100,000 rows is one part', async () => {
  await client.command({ query: 'SYSTEM STOP MERGES scores' })
  await insertGuarded(client, 'scores', origin(5), scoreRows(0, 100_000, 5))
  expect(await one(`SELECT uniqExact(_part), count() FROM scores WHERE partition = 5`)).toEqual([1, 100_000])
  await client.command({ query: 'SYSTEM START MERGES scores' })
})

test('every field comes back as it was given, times to the millisecond', async () => {
  const text = 'quote \' " ` \\ \n\n; DROP TABLE scores -- \u0000 🙂 \u2028'
  const [row] = scoreRows(0, 1, 6, { text, event_at: 1, scored_at: Date.UTC(2105, 5, 1, 1, 2, 3, 4), lang: '' })
  if (row === undefined) throw new Error('no row')
  await insertGuarded(client, 'scores', origin(6), [row])
  const result = await client.query({
    query: `SELECT * REPLACE (toUnixTimestamp64Milli(event_at) AS event_at, toUnixTimestamp64Milli(ingested_at) AS ingested_at,
      toUnixTimestamp64Milli(scored_at) AS scored_at) FROM scores WHERE partition = 6`,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  })
  expect(await result.json()).toEqual([row])
})

test('of many that insert the same at once, one writes and the others are refused or find it written', async () => {
  const rows = scoreRows(0, 20_000, 7)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, () => insertGuarded(store.client({ database }), 'scores', origin(7), rows)),
  )
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'SINK_UNAVAILABLE' })
  }
  expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true)
  expect(await held(7)).toEqual([20_000, 20_000, 0, 19_999])
})

test('dead posts are guarded one by one: a batch that comes again may hold more of them', async () => {
  const dead = (offset: number): DeadPostRow => ({
    dead_at: 1_700_000_000_000,
    stage: 'score',
    code: 'INFERENCE_FAILED',
    reason: 'because',
    origin: `posts/8/${offset}`,
    raw_base64: '',
    raw_bytes: 0,
    topic: 'posts',
    topic_id: 'T',
    partition: 8,
    offset,
  })
  await insertGuarded(client, 'dead_posts', origin(8), [3, 7].map(dead))
  await insertGuarded(client, 'dead_posts', origin(8), [3, 5, 7, 9].map(dead))
  expect(
    await one('SELECT groupArray(offset) FROM (SELECT offset FROM dead_posts WHERE partition = 8 ORDER BY offset)'),
  ).toEqual([[3, 5, 7, 9]])
})

test('rows that can never be written are rejected, with the reason of ClickHouse', async () => {
  const wrong = scoreRows(0, 2, 9).map((row) => ({ ...row, tokens: -1.5 }))
  await expect(insertGuarded(client, 'scores', origin(9), wrong)).rejects.toMatchObject({ code: 'WRITE_REJECTED' })
  expect(await held(9)).toEqual([0, 0, 0, 0])
})

test('a store that is away is a reason to send the rows again', async () => {
  const nobody = store.client({ url: 'http://127.0.0.1:1', database })
  await expect(insertGuarded(nobody, 'scores', origin(10), scoreRows(0, 1, 10))).rejects.toMatchObject({
    code: 'SINK_UNAVAILABLE',
  })
})
