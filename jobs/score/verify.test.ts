import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertGuarded } from '../../clickhouse/insert-guarded.ts'
import type { DeadPostRow } from '../../clickhouse/rows/scores.ts'
import { scoreRows } from '../../clickhouse/testing/score-rows.ts'
import { type TestStore, testStore } from '../../clickhouse/testing/test-store.ts'
import { type LmdbLog, openLmdbLog } from '../../connectors/lmdb-log.ts'
import { verify } from './verify.ts'

const database = 'driftline_verify'
const { signal } = new AbortController()
let store: TestStore
let client: ClickHouseClient
let folder: string
let log: LmdbLog

beforeAll(async () => {
  store = await testStore(database)
  client = store.client({ database })
  folder = mkdtempSync(join(tmpdir(), 'driftline-verify-'))
  log = openLmdbLog(folder)
})
afterAll(async () => {
  await log[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
  await store[Symbol.asyncDispose]()
})

/** A topic of one partition with so many records. */
async function logged(topic: string, records: number): Promise<string> {
  const { id } = await log.createTopic(topic, 1)
  const writer = await log.sink<number>(id).open('0', signal)
  const values = Array.from({ length: records }, (_, n) => ({ topic, key: null, value: Buffer.from(String(n)) }))
  await writer.write(values, { position: records, states: {} })
  return id
}

const score = (topic: string, topicId: string, first: number, count: number) =>
  insertGuarded(
    client,
    'scores',
    { topic, topicId, partition: 0 },
    scoreRows(first, count, 0, { topic, topic_id: topicId }),
  )

function bury(topic: string, topicId: string, offsets: readonly number[]) {
  const rows = offsets.map((offset): DeadPostRow => {
    const position = { topic, topic_id: topicId, partition: 0, offset }
    const why = { stage: 'score', code: 'POST_INVALID', reason: 'because', origin: 'test' }
    return { dead_at: 1_700_000_000_000, ...why, raw_base64: '', raw_bytes: 0, ...position }
  })
  return insertGuarded(client, 'dead_posts', { topic, topicId, partition: 0 }, rows)
}

const check = (topic: string, positionsIn: 'scores' | 'dead_posts' = 'scores') =>
  verify(log, client, [{ topic, positionsIn }], signal)

test('what is scored, dead or waiting is in order', async () => {
  const id = await logged('whole', 10)
  await bury('whole', id, [2])
  await score('whole', id, 0, 2)
  await score('whole', id, 3, 4)
  expect(await check('whole')).toMatchObject({
    ok: true,
    appended: 10,
    scored: 6,
    dead: 1,
    waiting: 3,
    gaps: 0,
    duplicates: 0,
    foreignRows: 0,
    findings: [],
  })
})

test('a job that was ended between the dead posts and the scores of a batch has left nothing wrong', async () => {
  const id = await logged('ended', 10)
  await score('ended', id, 0, 3)
  await bury('ended', id, [5, 7])
  expect(await check('ended')).toMatchObject({ ok: true, scored: 3, dead: 2, waiting: 5, gaps: 0, findings: [] })
})

test('in the dead topic the dead posts are what the job goes on after', async () => {
  const id = await logged('x.dead', 9)
  await bury('x.dead', id, [0, 1, 4])
  expect(await check('x.dead', 'dead_posts')).toMatchObject({
    ok: false,
    dead: 3,
    waiting: 4,
    gaps: 2,
    findings: [{ kind: 'gap', topic: 'x.dead', partition: 0, from: 2, to: 3 }],
  })
})

test('gaps and doubles are counted and named', async () => {
  const id = await logged('broken', 12)
  await score('broken', id, 2, 3)
  await score('broken', id, 7, 3)
  await bury('broken', id, [8])
  expect(await check('broken')).toMatchObject({
    ok: false,
    gaps: 4,
    duplicates: 1,
    waiting: 2,
    findings: [
      { kind: 'gap', from: 0, to: 1 },
      { kind: 'gap', from: 5, to: 6 },
      { kind: 'duplicate', offset: 8, rows: 2 },
    ],
  })
})

test('rows of a topic that was made anew are told apart, and their end is no gap', async () => {
  const old = await logged('anew', 3)
  await score('anew', old, 0, 3)
  await bury('anew', old, [9])
  await log.deleteTopic('anew')
  const id = await logged('anew', 5)
  await score('anew', id, 0, 5)
  expect(await check('anew')).toMatchObject({ ok: true, appended: 5, scored: 5, foreignRows: 4, findings: [] })
})

test('a topic that is gone leaves foreign rows and nothing to compare', async () => {
  await score('gone', 'G', 0, 2)
  expect(await check('gone')).toMatchObject({ ok: true, appended: 0, foreignRows: 2, partitions: [] })
})

test('a log that lost records which are in the table is wrong', async () => {
  const id = await logged('short', 2)
  await score('short', id, 0, 5)
  expect(await check('short')).toMatchObject({ ok: false, findings: [{ kind: 'beyond', end: 2, position: 5 }] })
})
