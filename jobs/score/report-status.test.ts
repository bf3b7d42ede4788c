import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TopicInfo } from '../../connectors/event-log.ts'
import { type LmdbLog, openLmdbLog } from '../../connectors/lmdb-log.ts'
import { type Config, loadConfig } from '../../core/config.ts'
import { silentLog } from '../../core/log.ts'
import { type JobStatus, readStatuses } from '../../core/status.ts'
import type { LaneState, LaneStats } from '../../dataflow/metrics.ts'
import type { Run } from '../../dataflow/run.ts'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import type { Scorer } from '../../inference/scorer.ts'
import { reportStatus, scoreGroup } from './report-status.ts'

let folder: string
let config: Config
let log: LmdbLog
let topic: TopicInfo
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'driftline-status-'))
  config = loadConfig({ data: folder }, {}, folder).config
  log = openLmdbLog(join(folder, 'log'))
  topic = await log.createTopic('posts', 2)
})
afterEach(async () => {
  await log[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const lane = (partition: number, state: LaneState, position?: number, message?: string): LaneStats<number> => ({
  partition: String(partition),
  state,
  position,
  retries: 0,
  rejected: 0,
  error: message === undefined ? undefined : { code: 'SINK_UNAVAILABLE', message, atMs: 0 },
  steps: [],
})

const scorer: Scorer = {
  name: 'tiny',
  version: 3,
  variant: 'fp32',
  toForeground: () => true,
  grow: async () => undefined,
  labels: ['no', 'yes'],
  provider: 'cpu',
  workers: 2,
  score: async () => [],
  [Symbol.asyncDispose]: async () => undefined,
}

/** Reports on a run whose lanes are as given; `lanes` may be changed while it runs. */
function reporting(lanes: LaneStats<number>[], counts = { scored: 0, dead: 0 }) {
  const clock = manualClock(1_000_000)
  const run: Run<number> = { done: new Promise(() => undefined), stats: () => ({ flow: 'score', lanes }) }
  const report = reportStatus({
    config,
    eventLog: log,
    flows: [{ topic, run }],
    models: { scorer },
    lastSwap: () => undefined,
    challengers: () => [],
    counts,
    clock,
    log: silentLog,
  })
  const status = async (): Promise<JobStatus | undefined> => (await readStatuses(folder, clock.now()))[0]?.status
  return { clock, report, status, counts }
}

/** What is told once, and then the last word. */
async function toldOf(lanes: LaneStats<number>[]): Promise<JobStatus | undefined> {
  const { report, status } = reporting(lanes)
  let told: JobStatus | undefined
  while (told === undefined) {
    await new Promise((resolve) => setImmediate(resolve)) // the first report is under way
    told = await status()
  }
  await report.stop('ended')
  return told
}

const running = lane(0, 'running', 5)
test.each([
  ['starting', 'while partitions are not assigned yet', [running], undefined],
  ['ok', 'once each partition works', [running, lane(1, 'running', 0)], undefined],
  ['ok', 'when a partition has ended', [running, lane(1, 'ended', 0)], undefined],
  ['waiting', 'while a partition opens', [running, lane(1, 'opening')], 'posts 1: partition is opening'],
  ['waiting', 'while the store is away', [running, lane(1, 'retrying', 2, 'gone')], 'posts 1: gone'],
  [
    'halted',
    'when one halted, whatever the others do',
    [lane(0, 'retrying'), lane(1, 'halted', 2, 'anew')],
    'posts 1: anew',
  ],
] as const)('it is %s %s', async (state, _, lanes, reason) => {
  const status = await toldOf([...lanes])
  expect(status).toMatchObject({ job: 'score', pid: process.pid, state })
  expect(status?.reason).toBe(reason)
  expect(status?.partitions.length).toBe(lanes.length)
})

test('it tells model, lag, counts and rates, and commits positions for lag tools', async () => {
  const writer = await log.sink<number>('test').open('0', new AbortController().signal)
  const records = Array.from({ length: 40 }, () => ({ topic: 'posts', key: 'same', value: Buffer.from('x') }))
  await writer.write(records, { position: 40, states: {} })
  const partition = (await log.ranges('posts')).find(({ end }) => end === 40)?.partition ?? 0
  const { clock, report, status, counts } = reporting([
    lane(partition, 'running', 30),
    lane(1 - partition, 'running', 0),
  ])
  await clock.advance(0)
  counts.scored = 20
  counts.dead = 5
  await clock.advance(2000)
  await report.stop('stopped')
  expect(await status()).toMatchObject({
    state: 'stopped',
    model: { name: 'tiny', version: 3, labels: ['no', 'yes'] },
    provider: 'cpu',
    workers: 2,
    counts: { scored: 20, dead: 5 },
  })
  const told = await status()
  expect(told?.partitions.find((entry) => entry.partition === partition)).toMatchObject({
    position: 30,
    lag: 10,
    state: 'ok',
  })
  expect((await log.committed(scoreGroup, 'posts')).get(partition)).toBe(30)
})

test('the last word of a job that failed is that it halted, and why', async () => {
  const { report, status } = reporting([running, lane(1, 'halted', 2, 'anew')])
  await report.stop('halted', 'the topic was made anew')
  expect(await status()).toMatchObject({ state: 'halted', reason: 'the topic was made anew' })
})
