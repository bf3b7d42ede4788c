import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'
import { insertGuarded } from './insert-guarded.ts'
import { scoreRows } from './testing/score-rows.ts'
import { type TestStore, testStore } from './testing/test-store.ts'

const page = readFileSync(join(packageRoot, 'docs/sql.md'), 'utf8')
const [, questions = '', rest = ''] = page.split(/^## (?:Twenty questions|How long rows are kept)$/m)
const queries = [...questions.matchAll(/^### (.+)\n\n```sql\n([\s\S]+?)\n```/gm)].map(
  ([, title, sql]) => [title, sql] as const,
)

let store: TestStore
let client: ClickHouseClient
/** As `driftline sql` asks. */
let asTyped: ClickHouseClient

beforeAll(async () => {
  store = await testStore('driftline')
  client = store.client({ database: 'analytics' })
  const rows = scoreRows(0, 2000, 0, { given_label: 'neutral' })
  const now = Date.now()
  const recent = scoreRows(2000, 500).map((row) => ({ ...row, event_at: now, ingested_at: now, scored_at: now + 20 }))
  asTyped = store.client({ database: 'driftline' })
  await insertGuarded(asTyped, 'scores', { topic: 'posts', topicId: 'T', partition: 0 }, [...rows, ...recent])
  await asTyped.command({
    query: `INSERT INTO labels (post_id, labelled_by, labelled_at, label) VALUES ('post-0-1', 'me', 1, 'neutral')`,
  })
  await asTyped.command({
    query: `INSERT INTO dead_posts (dead_at, stage, code, reason) VALUES (1, 'score', 'X', 'y')`,
  })
})
afterAll(async () => store[Symbol.asyncDispose]())

test('there are twenty questions', () => {
  expect(queries.length).toBe(20)
})

test.each(queries)('%s', async (_title, sql = '') => {
  const { stream } = await asTyped.exec({ query: sql })
  expect((await text(stream)).trim()).not.toBe('')
})

test('each column of posts is described, with its type', async () => {
  const result = await client.query({ query: 'DESCRIBE TABLE posts', format: 'JSONEachRow' })
  const columns = await result.json<{ name: string; type: string }>()
  const described = [...page.matchAll(/^\| `(\w+)` +\| ([A-Z][^|]+?) +\|/gm)].map(([, name, type]) => ({ name, type }))
  const simple = (type: string) => type.replace(/LowCardinality\((\w+)\)/g, '$1')
  expect(described).toEqual(columns.map(({ name, type }) => ({ name, type: simple(type) })))
})

test('the columns that the tables of views name are there', async () => {
  const views = [...page.matchAll(/^\| `(\w+_1m)` +\| [^|]+ \| (.+) \|$/gm)]
  expect(views.length).toBe(5)
  for (const [, view, columns = ''] of views) {
    const names = [...columns.matchAll(/`(\w+)`/g)].map(([, name]) => name).filter((name) => name !== 'scored_at')
    await client.command({ query: `SELECT ${names.join(', ')} FROM ${view} LIMIT 0` })
  }
})

test('each column of the tables of alerts is told, and no other, and the query there runs', async () => {
  const tables = [...page.matchAll(/^\| `(alerts|alert_deliveries)` +\| [^|]+ \| (.+) \|$/gm)]
  expect(tables.length).toBe(2)
  for (const [, table, told = ''] of tables) {
    const result = await client.query({ query: `DESCRIBE TABLE ${table}`, format: 'JSONEachRow' })
    const columns = (await result.json<{ name: string }>()).map(({ name }) => name)
    expect([...told.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual(columns)
  }
  const [, sql = ''] = /^Of alerts [\s\S]+?```sql\n([\s\S]+?)\n```/m.exec(page) ?? []
  await client.command({ query: sql })
})

test('deleting what is old keeps where each partition goes on, keeps aggregates and rows equal, and frees the disk', async () => {
  const [kept = ''] = rest.split('\n## ')
  const statements = [...kept.matchAll(/```sql\n([\s\S]+?)\n```/g)].map(([, sql = '']) => sql)
  for (const query of statements) await client.command({ query })
  const one = async (query: string) => (await (await client.query({ query, format: 'JSONEachRow' })).json())[0]
  expect(await one('SELECT count() AS n, max(offset) AS last FROM posts')).toEqual({ n: 500, last: 2499 })
  expect(await one('SELECT sum(posts) AS n FROM sentiment_1m')).toEqual({ n: 500 })
  const onDisk = `SELECT sum(rows) AS n FROM system.parts WHERE active AND database = 'driftline' AND table = 'scores'`
  expect(await one(onDisk)).toEqual({ n: 500 })
})
