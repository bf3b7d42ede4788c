import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EventLog } from '../../connectors/event-log.ts'
import { openLmdbLog } from '../../connectors/lmdb-log.ts'
import { DriftlineError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { type JobStatus, writeStatus } from '../../core/status.ts'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import { Snapshot } from '../protocol.ts'
import { createLiveFeed } from './live-feed.ts'
import type { LiveStore } from './live-store.ts'

const startMs = Date.UTC(2026, 0, 1)
let data: string
let clock: ReturnType<typeof manualClock>
let store: LiveStore & { away: boolean; asked: number }
let eventLog: EventLog
let logAway: boolean
let rows: { topicId: string; partition: number; next: number }[]
let feed: ReturnType<typeof createLiveFeed>

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'driftline-feed-'))
  clock = manualClock(startMs)
  eventLog = openLmdbLog(join(data, 'log'), { clock })
  logAway = false
  rows = []
  const answer = async <Value>(value: Value): Promise<Value> => {
    store.asked++
    if (store.away) throw new DriftlineError('STORE_UNAVAILABLE', { reason: 'refused' })
    return value
  }
  store = {
    away: false,
    asked: 0,
    seconds: () => answer([]),
    newest: () => answer([]),
    hashtags: () => answer([]),
    totals: () => answer({ scored: 5, dead: 1 }),
    lastScoredMs: () => answer(0),
    positions: () => answer(rows),
  }
  feed = createLiveFeed({
    data,
    topic: 'posts',
    store,
    openLog: async () => {
      if (logAway) throw new DriftlineError('LOG_UNAVAILABLE', { reason: 'locked' })
      return eventLog
    },
    clock,
    log: silentLog,
  })
})
afterEach(async () => {
  await feed[Symbol.asyncDispose]()
  await eventLog[Symbol.asyncDispose]()
})

const score = (over: Partial<JobStatus> = {}): JobStatus => ({
  job: 'score',
  pid: 1,
  startedAt: startMs,
  updatedAt: clock.now(),
  state: 'ok',
  provider: 'cpu',
  workers: 2,
  model: { name: 'social-bag', version: 1, labels: ['bad', 'good'] },
  partitions: [],
  counts: {},
  rates: {},
  ...over,
})

/** Appends as many posts to partition 0 of a topic with one partition. */
async function append(count: number): Promise<void> {
  const writer = await eventLog.sink<number>('test').open('0', new AbortController().signal)
  const value = new TextEncoder().encode('{}')
  const items = Array.from({ length: count }, () => ({ topic: 'posts', key: null, value }))
  await writer.write(items, { position: count, states: {} })
  await writer[Symbol.asyncDispose]()
}

const partNamed = (snapshot: Snapshot, name: string) => snapshot.parts.find((part) => part.name === name)

test('with nothing running it tells what is missing', async () => {
  store.away = true
  const snapshot = Snapshot.parse(await feed.snapshot())
  expect(snapshot).toMatchObject({ model: null, live: null, log: { topic: 'posts', partitions: [] } })
  expect(snapshot.parts).toEqual([
    { name: 'store', state: 'waiting', detail: 'ClickHouse does not answer: refused' },
    { name: 'log', state: 'ok', detail: 'topic posts is not there yet' },
    { name: 'ingest', state: 'absent', detail: 'not started' },
    { name: 'score', state: 'absent', detail: 'not started' },
  ])
})

test('classes come in the order of the model that scores', async () => {
  await writeStatus(data, score())
  const snapshot = await feed.snapshot()
  expect(snapshot.live?.labels).toEqual(['bad', 'good'])
  expect(snapshot.model).toEqual({ name: 'social-bag', version: 1, provider: 'cpu', workers: 2 })
})

describe('a store that goes away', () => {
  test('keeps its last numbers, is asked once a second, and recovers by itself', async () => {
    expect((await feed.snapshot()).live?.totals).toEqual({ scored: 5, dead: 1 })
    store.away = true
    await clock.advance(250)
    const away = await feed.snapshot()
    expect(partNamed(away, 'store')).toEqual({
      name: 'store',
      state: 'waiting',
      detail: 'ClickHouse does not answer: refused',
    })
    expect(away.live).toMatchObject({ asOfMs: startMs, totals: { scored: 5 } })
    const asked = store.asked
    await clock.advance(900)
    await feed.snapshot()
    expect(store.asked).toBe(asked)
    store.away = false
    await clock.advance(100)
    const back = await feed.snapshot()
    expect(partNamed(back, 'store')).toEqual({ name: 'store', state: 'ok', detail: '' })
    expect(back.live?.asOfMs).toBe(clock.now())
  })

  test('does not hide the log, nor the log the store', async () => {
    await eventLog.createTopic('posts', 1)
    store.away = true
    expect((await feed.snapshot()).log?.partitions).toHaveLength(1)
    store.away = false
    logAway = true
    const other = createLiveFeed({
      data,
      topic: 'posts',
      store,
      openLog: () => Promise.reject(new DriftlineError('LOG_UNAVAILABLE', { reason: 'locked' })),
      clock,
      log: silentLog,
    })
    const snapshot = await other.snapshot()
    expect(snapshot.log).toBeNull()
    expect(partNamed(snapshot, 'log')).toMatchObject({
      state: 'waiting',
      detail: 'the event log is not available: locked',
    })
    expect(snapshot.live).not.toBeNull()
  })
})

test('a log that cannot be opened is opened once it can', async () => {
  logAway = true
  expect((await feed.snapshot()).log).toBeNull()
  logAway = false
  await clock.advance(1_000)
  expect((await feed.snapshot()).log).toEqual({ topic: 'posts', partitions: [] })
})

describe('lag', () => {
  beforeEach(async () => {
    await eventLog.createTopic('posts', 1)
    await append(10)
  })

  test('is what was appended and neither committed nor said to be scored, and as old as the first of it', async () => {
    await clock.advance(4_000)
    expect((await feed.snapshot()).log?.partitions).toEqual([
      { partition: 0, position: 0, end: 10, lag: 10, lagSeconds: 4, state: 'ok', detail: '' },
    ])
    await eventLog.commit('score', 'posts', 0, 6)
    expect((await feed.snapshot()).log?.partitions[0]).toMatchObject({ position: 6, lag: 4, lagSeconds: 4 })
    const partitions = [{ topic: 'posts', partition: 0, position: 10, lag: 0, state: 'ok' as const }]
    await writeStatus(data, score({ partitions }))
    expect((await feed.snapshot()).log?.partitions[0]).toMatchObject({ position: 10, lag: 0, lagSeconds: 0 })
  })

  test('counts the rows of this very topic as scored before the job says so', async () => {
    const id = (await eventLog.topic('posts'))?.id ?? ''
    rows = [
      { topicId: 'of a topic deleted long ago', partition: 0, next: 9 },
      { topicId: id, partition: 0, next: 7 },
    ]
    expect((await feed.snapshot()).log?.partitions[0]).toMatchObject({ position: 7, lag: 3 })
  })

  test('tells which partition halted, and why', async () => {
    const partitions = [
      {
        topic: 'posts',
        partition: 0,
        position: 3,
        lag: 7,
        state: 'halted' as const,
        reason: 'the topic was recreated',
      },
      { topic: 'posts.dead', partition: 0, position: 900, lag: 0, state: 'ok' as const },
    ]
    await writeStatus(data, score({ partitions }))
    const snapshot = await feed.snapshot()
    expect(snapshot.log?.partitions).toMatchObject([
      { position: 3, lag: 7, state: 'halted', detail: 'the topic was recreated' },
    ])
    expect(partNamed(snapshot, 'score')?.state).toBe('halted')
  })

  test('of a partition that ends before what was scored is none, but it is an alarm', async () => {
    await eventLog.commit('score', 'posts', 0, 25)
    expect((await feed.snapshot()).log?.partitions[0]).toMatchObject({
      lag: 0,
      state: 'halted',
      detail: 'it ends at 10, and 25 had been scored',
    })
  })
})

test('parts for a probe are asked anew, at the price of one small query', async () => {
  await feed.snapshot()
  const asked = store.asked
  expect((await feed.parts()).find(({ name }) => name === 'store')).toMatchObject({ state: 'ok' })
  expect(store.asked).toBe(asked + 1)
  store.away = true
  expect((await feed.parts()).find(({ name }) => name === 'store')).toMatchObject({ state: 'waiting' })
})
