import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { storeClient } from '../clickhouse/client.ts'
import { startStoreProcess } from '../clickhouse/embedded/start.ts'
import type { DeadPostRow } from '../clickhouse/rows/scores.ts'
import { scoreRows } from '../clickhouse/testing/score-rows.ts'
import { type TestStore, testStore } from '../clickhouse/testing/test-store.ts'
import { loadConfig } from '../core/config.ts'
import { freePorts } from '../test/free-ports.ts'
import { type ClickHouseSinkOptions, clickHouseSink, type LoggedRow } from './clickhouse.ts'

const database = 'driftline_sink'
const { signal } = new AbortController()
let store: TestStore
let client: ClickHouseClient

beforeAll(async () => {
  store = await testStore(database)
  client = store.client({ database })
})
afterAll(async () => store[Symbol.asyncDispose]())

const sink = (topic: string, options: Partial<ClickHouseSinkOptions> = {}, id = 'T') =>
  clickHouseSink({
    connect: () => store.client({ database }),
    topic: { name: topic, id, partitions: 2 },
    positionsIn: 'scores',
    ...options,
  })
const scores = (topic: string, first: number, count: number, id = 'T'): LoggedRow[] =>
  scoreRows(first, count, 0, { topic, topic_id: id }).map((row) => ({ table: 'scores', row }))
const dead = (topic: string, offset: number): LoggedRow => {
  const row: DeadPostRow = {
    dead_at: 1_700_000_000_000,
    stage: 'score',
    code: 'POST_INVALID',
    reason: 'because',
    origin: 'test',
    raw_base64: '',
    raw_bytes: 0,
    topic,
    topic_id: 'T',
    partition: 0,
    offset,
  }
  return { table: 'dead_posts', row }
}
const at = (position: number) => ({ position, states: {} })

/** Offsets that the tables hold of a topic, in order. */
async function offsets(topic: string, table: LoggedRow['table'] = 'scores', of = client): Promise<number[]> {
  const result = await of.query({
    query: `SELECT offset FROM ${table} WHERE topic = {topic:String} ORDER BY topic_id, offset`,
    query_params: { topic },
    format: 'JSONCompactEachRow',
  })
  return (await result.json<[string | number]>()).map(([offset]) => Number(offset))
}
const upTo = (end: number) => Array.from({ length: end }, (_, offset) => offset)

test('dead posts and scores of one batch go to their tables; the scores say where to go on', async () => {
  const writer = await sink('both').open('0', signal)
  await writer.write([...scores('both', 0, 3), dead('both', 3), dead('both', 4)], at(5))
  expect(await offsets('both')).toEqual([0, 1, 2])
  expect(await offsets('both', 'dead_posts')).toEqual([3, 4])
  expect(await writer.checkpoint()).toEqual(at(3)) // the dead ones are read, and left out, once more
  await writer.write([dead('both', 3), dead('both', 4), ...scores('both', 5, 1)], at(6))
  expect(await offsets('both', 'dead_posts')).toEqual([3, 4])
  expect(await writer.checkpoint()).toEqual(at(6))
  await writer[Symbol.asyncDispose]()
})

test('the dead topic goes on after its last dead post', async () => {
  const writer = await sink('x.dead', { positionsIn: 'dead_posts' }).open('0', signal)
  expect(await writer.checkpoint()).toBeUndefined()
  await writer.write([dead('x.dead', 0), dead('x.dead', 1)], at(2))
  expect(await writer.checkpoint()).toEqual(at(2))
  await writer[Symbol.asyncDispose]()
})

test('a late writer changes nothing: rows behind those of another one are left out', async () => {
  const [late, next] = [await sink('late').open('0', signal), await sink('late').open('0', signal)]
  await late.write(scores('late', 0, 10), at(10))
  await next.write(scores('late', 10, 10), at(20))
  await late.write(scores('late', 10, 5), at(15)) // frozen since it read these
  expect(await offsets('late')).toEqual(upTo(20))
  expect(await late.checkpoint()).toEqual(at(20))
  await late[Symbol.asyncDispose]()
  await next[Symbol.asyncDispose]()
})

test('two writers that race over one partition write each row once', async () => {
  const writers = [await sink('race').open('0', signal), await sink('race').open('0', signal)]
  for (let first = 0; first < 2000; first += 500) {
    const outcomes = await Promise.allSettled(
      writers.map((writer) => writer.write(scores('race', first, 500), at(first + 500))),
    )
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'SINK_UNAVAILABLE' })
    }
    expect(outcomes.map(({ status }) => status)).toContain('fulfilled')
  }
  expect(await offsets('race')).toEqual(upTo(2000))
  for (const writer of writers) await writer[Symbol.asyncDispose]()
})

test('an insert whose answer is lost is sent again, and its rows are there once', async () => {
  const losing = await losesAnswers(new URL(store.url))
  const { port } = losing.address() as AddressInfo
  const through = sink('lost', { connect: () => store.client({ url: `http://127.0.0.1:${port}`, database }) })
  const writer = await through.open('0', signal)
  await expect(writer.write(scores('lost', 0, 100), at(100))).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' })
  expect(await offsets('lost')).toEqual(upTo(100)) // it was written all the same
  await writer.write(scores('lost', 0, 100), at(100))
  expect(await offsets('lost')).toEqual(upTo(100))
  await writer[Symbol.asyncDispose]()
  losing.close()
})

test('rows that ClickHouse refuses for good are rejected, and none of their insert is written', async () => {
  const writer = await sink('refused').open('0', signal)
  const rows = scores('refused', 0, 3).map((item) =>
    item.table === 'scores' && item.row.offset === 1 ? { ...item, row: { ...item.row, tokens: -1 } } : item,
  )
  await expect(writer.write(rows, at(3))).rejects.toMatchObject({ code: 'WRITE_REJECTED' })
  expect(await offsets('refused')).toEqual([])
  await writer[Symbol.asyncDispose]()
})

describe('a topic that was made anew', () => {
  const open = async (topic: string, id: string, options: Partial<ClickHouseSinkOptions> = {}) => {
    const writer = await sink(topic, options, id).open('0', signal)
    return writer.checkpoint().finally(() => writer[Symbol.asyncDispose]())
  }
  const fill = async (topic: string, id: string, options: Partial<ClickHouseSinkOptions> = {}) => {
    const writer = await sink(topic, options, id).open('0', signal)
    await writer.write(scores(topic, 0, 3, id), at(3))
    await writer[Symbol.asyncDispose]()
  }

  test('halts when the table has rows of the one before, and names both', async () => {
    await fill('anew', 'old')
    await expect(open('anew', 'new')).rejects.toMatchObject({
      code: 'TOPIC_RECREATED',
      retryable: false,
      details: { topic: 'anew', partition: 0, reason: expect.stringMatching(/old.*new/) },
    })
  })

  test('is no reason to halt when the rows are its own, or another topic’s', async () => {
    await fill('same', 'T')
    expect(await open('same', 'T')).toEqual(at(3))
    expect(await open('another', 'T')).toBeUndefined()
  })

  test('goes on from its beginning once accepted, beside the old rows, and need not be accepted again', async () => {
    await fill('accepted', 'old')
    expect(await open('accepted', 'new', { acceptRecreated: true })).toBeUndefined()
    await fill('accepted', 'new', { acceptRecreated: true })
    expect(await offsets('accepted')).toEqual([0, 1, 2, 0, 1, 2])
    expect(await open('accepted', 'new')).toEqual(at(3))
    const idle = await sink('accepted', {}, 'new').open('1', signal) // a partition that has no rows yet
    expect(await idle.checkpoint()).toBeUndefined()
    await idle[Symbol.asyncDispose]()
  })
})

test('after the store came back on another port the same writer goes on, also when another store took the old one', async () => {
  const data = mkdtempSync(join(tmpdir(), 'driftline-sink-'))
  const { config } = loadConfig({ data, database, storePort: 0 }, {}, data)
  const start = (port: number, folder = data) =>
    startStoreProcess({ data: folder, port, anyPort: false, database, logLevel: 'silent' })
  const [port = 0] = await freePorts(1) // which no connection takes while no store has it
  const first = await start(port)
  const writer = await sink('moved', { connect: () => storeClient(config) }).open('0', signal)
  await writer.write(scores('moved', 0, 5), at(5))
  process.kill(first.pid, 'SIGKILL')
  await first.ended
  const away = { code: 'SINK_UNAVAILABLE', retryable: true }
  await expect(writer.write(scores('moved', 5, 5), at(10))).rejects.toMatchObject(away)

  const stranger = await start(port, join(data, 'other'))
  await expect(writer.write(scores('moved', 5, 5), at(10))).rejects.toMatchObject(away) // not WRITE_REJECTED
  const second = await start(0)
  await writer.write(scores('moved', 5, 5), at(10))
  const reader = storeClient(config)
  expect(await offsets('moved', 'scores', reader)).toEqual(upTo(10))
  await Promise.all([reader.close(), writer[Symbol.asyncDispose]()])
  await Promise.all([stranger[Symbol.asyncDispose](), second[Symbol.asyncDispose]()])
  rmSync(data, { recursive: true, force: true })
})

/** Passes requests on to a store, and hangs up instead of passing on its first answer. */
async function losesAnswers(target: URL): Promise<Server> {
  let answers = 0
  const proxy = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming
    const { hostname, port } = target
    const passed = request({ hostname, port, method, path: url, headers: { ...headers, host: target.host } })
    incoming.pipe(passed)
    passed.on('response', (answer) => {
      if (answers++ > 0) {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
      } else answer.resume().on('end', () => incoming.socket.destroy())
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return proxy
}
