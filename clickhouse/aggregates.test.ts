import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { insertGuarded } from './insert-guarded.ts'
import { select } from './queries.ts'
import { scoreRows } from './testing/score-rows.ts'
import { type TestStore, testStore } from './testing/test-store.ts'

const database = 'driftline_aggregates'
let store: TestStore
let client: ClickHouseClient

beforeAll(async () => {
  store = await testStore(database)
  client = store.client({ database })
  for (const partition of [0, 1]) {
    const origin = { topic: 'posts', topicId: 'T', partition }
    for (const first of [0, 5000]) await insertGuarded(client, 'scores', origin, scoreRows(first, 5000, partition))
    const shadows = scoreRows(10_000, 100, partition).flatMap((row) => [
      row,
      { ...row, shadow: 1 as const, model_version: 2 },
    ])
    await insertGuarded(client, 'scores', origin, shadows)
  }
})
afterAll(async () => store[Symbol.asyncDispose]())

const rows = async (query: string, settings = {}) => {
  const result = await client.query({ query, format: 'JSONEachRow', clickhouse_settings: settings })
  return await result.json<Record<string, unknown>>()
}

test.each(['sentiment_1m', 'hashtags_1m', 'confidence_1m', 'latency_1m', 'lag_1m'])(
  '%s is answered by a projection, and equals what the rows say',
  async (view) => {
    const plan = z
      .array(z.object({ explain: z.string() }))
      .parse(await rows(`EXPLAIN SELECT * FROM ${view}`))
      .map(({ explain }) => explain)
      .join('\n')
    expect(plan).toMatch(/ReadFromMergeTree \((?:minutes|progress)\)/)
    expect(plan).not.toMatch(/ReadFromMergeTree \(\w+\.scores\)/)
    const columns = view === 'latency_1m' ? '* EXCEPT (quantiles_ms, p50_ms, p95_ms, p99_ms)' : '*'
    const query = `SELECT ${columns} FROM ${view} ORDER BY ALL`
    const projected = await rows(query)
    const rounded = (found: Record<string, unknown>[]) =>
      found.map((row) => Object.values(row).map((value) => (typeof value === 'number' ? value.toPrecision(6) : value)))
    expect(projected.length).toBeGreaterThan(1)
    expect(rounded(projected)).toEqual(rounded(await rows(query, { optimize_use_projections: 0 })))
  },
)

test('shadow rows are in the table and in no view', async () => {
  expect(await rows('SELECT count() AS n FROM scores WHERE shadow = 1')).toEqual([{ n: 200 }])
  expect(await rows('SELECT sum(posts) AS n FROM sentiment_1m')).toEqual([{ n: 20_200 }])
})

test('resume and totals read a projection instead of the rows', async () => {
  expect(await select(client, 'resume', { topic: 'posts' })).toEqual([
    { topic: 'posts', topic_id: 'T', partition: 0, next_offset: 10_100, rows: 10_100 },
    { topic: 'posts', topic_id: 'T', partition: 1, next_offset: 10_100, rows: 10_100 },
  ])
  const plan = await rows(`EXPLAIN SELECT topic_id, max(offset), count() FROM scores
    WHERE topic = 'posts' AND shadow = 0 GROUP BY topic, topic_id, partition, shadow`)
  expect(JSON.stringify(plan)).toContain('ReadFromMergeTree (progress)')
  expect(await select(client, 'totals')).toMatchObject([{ posts: 10_100 }, { posts: 10_100, last_offset: 10_099 }])
})

test('verify finds nothing in whole tables, and names what is missing, double or not aggregated', async () => {
  const limit = { topic: 'posts', limit: 10 }
  const posts = { topic: 'posts', positions_in: 'scores' }
  expect(await select(client, 'verify_offsets', posts)).toMatchObject([
    { rows: 10_100, offsets: 10_100, ahead: 0, first_offset: 0, position: 10_100, dead_rows: 0 },
    { rows: 10_100 },
  ])
  expect(await select(client, 'verify_gaps', { ...posts, topic_id: 'T', partition: 0, from: 0, limit: 10 })).toEqual([])
  expect(await select(client, 'verify_duplicates', limit)).toEqual([])
  expect(await select(client, 'verify_aggregates', limit)).toEqual([])
  expect(await select(client, 'class_counts')).toEqual(await select(client, 'class_counts_view'))

  const other = { topic: 'broken', topicId: 'B', partition: 0 }
  const renamed = { topic: 'broken', topic_id: 'B' }
  await insertGuarded(client, 'scores', other, [...scoreRows(0, 3, 0, renamed), ...scoreRows(2, 1, 0, renamed)])
  await insertGuarded(client, 'scores', other, scoreRows(6, 2, 0, renamed))
  const broken = { ...renamed, partition: 0, positions_in: 'scores', limit: 10 }
  expect(await select(client, 'verify_gaps', { ...broken, from: 0 })).toEqual([{ from_offset: 3, to_offset: 5 }])
  expect(await select(client, 'verify_gaps', { ...broken, from: 6 })).toEqual([])
  expect(await select(client, 'verify_duplicates', { topic: 'broken', limit: 10 })).toEqual([
    { topic_id: 'B', partition: 0, offset: 2, rows: 2 },
  ])
})

test('a deletion rebuilds the aggregates with it', async () => {
  await client.command({ query: "DELETE FROM scores WHERE topic = 'posts' AND label = 'neutral' AND partition = 1" })
  expect(await select(client, 'verify_aggregates', { limit: 10 })).toEqual([])
  const [neutral] = await rows("SELECT sum(posts) AS n FROM sentiment_1m WHERE label = 'neutral'")
  const [counted] = await rows("SELECT count() AS n FROM scores WHERE label = 'neutral' AND shadow = 0")
  expect(neutral).toEqual(counted)
})
