import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectStore } from '../../clickhouse/client.ts'
import { insertLabels } from '../../clickhouse/labels.ts'
import type { LabelRow } from '../../clickhouse/rows/labels.ts'
import type { ScoreRow } from '../../clickhouse/rows/scores.ts'
import { scoreRows } from '../../clickhouse/testing/score-rows.ts'
import { type TestStore, testStore } from '../../clickhouse/testing/test-store.ts'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { seededRandom } from '../../core/random.ts'
import { type CountedSleeps, countedSleeps } from '../../dataflow/testing/counted-sleeps.ts'
import { type ManualClock, manualClock } from '../../dataflow/testing/manual-clock.ts'
import { openFileRegistry } from '../../models/registry/file-registry.ts'
import type { Registry } from '../../models/registry/registry.ts'
import { type CheckDetails, type CheckResult, detailsOf } from './check-result.ts'
import { type DriftJobOptions, runDriftJob } from './main.ts'
import type { DriftSettings } from './settings.ts'
import type { Checked } from './window-check.ts'

const hour = 3_600_000
const start = Date.UTC(2026, 2, 28, 20) // the clocks of Europe change five hours later
const classes = ['negative', 'neutral', 'positive']

const settings: DriftSettings = {
  schedule: '0 * * * *',
  alarms: 1,
  alarmDays: 30,
  windowMs: hour,
  minPosts: 200,
  baselinePosts: 2000,
  baselineMs: 4 * hour,
  latenessMs: 0,
  segments: 3,
  smallest: { share: 0.03, accuracy: 0.02, unknown: 0.01, words: 0.05, newWords: 0.01 },
}

let store: TestStore
let client: ClickHouseClient
let folder: string
let registry: Registry
let model: Checked
let models = 0
/** Of the jobs that run. */
const sleeps = new Set<CountedSleeps>()

beforeAll(async () => {
  store = await testStore('drift_job_test')
  client = await connectStore(store.config, { signal: new AbortController().signal, log: silentLog })
  folder = mkdtempSync(join(tmpdir(), 'driftline-drift-'))
  registry = await openFileRegistry(join(folder, 'registry'))
})

afterAll(async () => {
  await client.close()
  await store[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

// Each test has a model of its own in the same tables.
beforeEach(() => {
  models += 1
  model = { name: `model-${models}`, version: 1, classes, manifest: undefined }
})

interface Mix {
  /** Shares of the classes. */
  readonly shares?: readonly number[]
  readonly words?: readonly string[]
  readonly version?: number
  readonly confidence?: number
}

const usualWords = ['rain', 'train', 'coffee', 'late', 'match', 'city', 'music', 'weather', 'news', 'phone']

/** Posts at even distances over a stretch of event time. */
async function score(from: number, to: number, posts: number, mix: Mix = {}): Promise<readonly ScoreRow[]> {
  const { shares = [0.3, 0.4, 0.3], words = usualWords, version = 1 } = mix
  const random = seededRandom(from + posts + version)
  const rows = scoreRows(0, posts).map((row, at): ScoreRow => {
    const draw = random()
    const label = classes[draw < (shares[0] ?? 0) ? 0 : draw < (shares[0] ?? 0) + (shares[1] ?? 0) ? 1 : 2] ?? ''
    const confidence = mix.confidence ?? 0.5 + random() * 0.49
    const others = (1 - confidence) / 2
    const eventAt = Math.floor(from + ((to - from) * at) / posts)
    const text = Array.from({ length: 6 }, () => words[Math.floor(random() * words.length)]).join(' ')
    return {
      ...row,
      post_id: `${model.name}-${from}-${at}`,
      event_at: eventAt,
      ingested_at: eventAt,
      scored_at: eventAt,
      text,
      hashtags: [],
      label,
      confidence,
      probabilities: classes.map((one) => (one === label ? confidence : others)),
      model_name: model.name,
      model_version: version,
      source: 'demo',
      topic: model.name,
      topic_id: `${model.name}-${from}-${version}`,
    }
  })
  await client.insert({ table: 'scores', values: rows, format: 'JSONEachRow' })
  return rows
}

/** A manual clock that can also be set, as a person or a time server does, and a machine that wakes up. */
interface SetClock extends ManualClock {
  set(ms: number): void
}

function clockAt(ms: number): SetClock {
  const clock = manualClock(ms)
  let ahead = 0
  return {
    ...clock,
    now: () => clock.now() + ahead,
    set(to) {
      ahead = to - clock.now()
    },
  }
}

interface Running {
  readonly results: CheckResult[]
  readonly clock: SetClock
  stop(): Promise<void>
}

function startJob(clock: SetClock, over: Partial<DriftJobOptions> = {}): Running {
  const results: CheckResult[] = []
  const own = countedSleeps(clock)
  sleeps.add(own)
  const stopping = new AbortController()
  const done = runDriftJob({
    data: folder,
    settings,
    documents: registry.documents,
    target: async () => model,
    connect: () =>
      store.client({
        database: store.config.database,
        clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
      }),
    actions: {
      onCheck: async (result) => {
        results.push(result)
      },
      between: async () => undefined,
    },
    clock: own,
    log: silentLog,
    signal: stopping.signal,
    ...over,
  })
  return {
    results,
    clock,
    async stop() {
      stopping.abort(new Error('the test is over'))
      await done
      sleeps.delete(own)
    },
  }
}

/** A job that makes no check sleeps until its next look, and until its next chance for other work. */
const rests = (own: CountedSleeps) => own.asleep(1000) === 2

/** Lets the jobs look at their clock, a second later each time that all of them rest, until what they do for real has come. */
async function until(clock: SetClock, condition: () => boolean): Promise<void> {
  while (!condition()) {
    if ([...sleeps].every(rests)) await clock.advance(1000)
    await systemClock.sleep(10)
  }
}

const checked = (job: Running, checks: number): Promise<void> => until(job.clock, () => job.results.length >= checks)

async function checkedAt(job: Running, ms: number, checks: number): Promise<void> {
  job.clock.set(ms)
  await checked(job, checks)
}

/** So many more looks at the clock, at which nothing is due. */
async function idle(clock: SetClock): Promise<void> {
  for (let look = 0; look <= 5; look++) {
    while (![...sleeps].every(rests)) await systemClock.sleep(10)
    if (look < 5) await clock.advance(1000)
  }
}

const newest = (job: Running): CheckDetails => {
  const details = detailsOf(job.results.at(-1) ?? { rows: [] })
  if (details === undefined) throw new Error('no check has come')
  return details
}

const storedIds = async (): Promise<readonly string[]> => {
  const rows = await client.query({
    query: `SELECT check_id FROM ${store.config.database}.drift_checks
            WHERE model_name = {name:String} AND statistic = 'verdict' ORDER BY check_id`,
    query_params: { name: model.name },
    format: 'JSONEachRow',
  })
  return (await rows.json<{ check_id: string }>()).map(({ check_id }) => check_id)
}

const idAt = (ms: number): string => `${model.name}-1-${new Date(ms).toISOString()}`

test('a baseline is collected first, a window like it is no drift, and one with other words and classes is', async () => {
  await score(start, start + 2 * hour, 1000)
  const job = startJob(clockAt(start + 2 * hour))
  await checked(job, 1)
  expect(newest(job)).toMatchObject({ state: 'collecting', headline: expect.stringContaining('1,000 of 2,000 posts') })

  await score(start + 2 * hour, start + 6 * hour, 2400)
  await checkedAt(job, start + 6 * hour, 2)
  expect(newest(job)).toMatchObject({ state: 'checked', reasons: [], headline: expect.stringMatching(/^no drift in/) })
  expect(newest(job)).toMatchObject({
    estimated: null,
    estimateNote: expect.stringContaining('0 posts of the baseline'),
  })
  expect(job.results[1]?.verdict).toBe('ok')

  await score(start + 6 * hour, start + 7 * hour, 800, {
    shares: [0.8, 0.1, 0.1],
    words: ['strike', 'picket', 'union', ...usualWords.slice(0, 4)],
  })
  await checkedAt(job, start + 7 * hour, 3)
  await job.stop()
  const found = newest(job)
  expect(job.results[2]).toMatchObject({
    verdict: 'drift',
    window: { from: expect.any(Number), to: expect.any(Number) },
  })
  expect(found.reasons.map(({ statistic }) => statistic)).toEqual(expect.arrayContaining(['class.chi2', 'words.auc']))
  expect(found.moved.words.map(({ name }) => name)).toEqual(expect.arrayContaining(['strike', 'picket', 'union']))
  expect(found.moved.words[0]?.posts[0]?.text).toContain(found.moved.words[0]?.name)
  expect(found.moved.classes[0]).toMatchObject({ name: 'negative', live: expect.closeTo(0.8, 1) })
  expect(found.shift?.weights.strike).toBeGreaterThan(0)
})

test('what was missed while the job was down is caught up once, also across a change of the clocks', async () => {
  await score(start, start + 12 * hour, 6000)
  const job = startJob(clockAt(start + 11.5 * hour))
  await checked(job, 1)
  await idle(job.clock)
  await job.stop()
  expect(await storedIds()).toEqual([idAt(start + 11 * hour)])
})

test('a machine that slept checks once for all the times it slept through', async () => {
  await score(start, start + 12 * hour, 6000)
  const job = startJob(clockAt(start + 6 * hour))
  await checked(job, 1)
  await checkedAt(job, start + 11 * hour + 60_000, 2)
  await idle(job.clock)
  await job.stop()
  expect(await storedIds()).toEqual([idAt(start + 6 * hour), idAt(start + 11 * hour)])
})

test('a clock that is set back repeats no check, and the next due one comes', async () => {
  await score(start, start + 12 * hour, 6000)
  const job = startJob(clockAt(start + 7 * hour))
  await checked(job, 1)
  await checkedAt(job, start + 6.5 * hour, 2) // the check of six o'clock had been missed, and is made now
  job.clock.set(start + 7 * hour)
  await idle(job.clock)
  expect(job.results).toHaveLength(2)
  await checkedAt(job, start + 8 * hour, 3)
  await job.stop()
  expect(await storedIds()).toEqual([6, 7, 8].map((at) => idAt(start + at * hour)))
})

test('of several processes one makes each check', async () => {
  await score(start, start + 6 * hour, 3000)
  const clock = clockAt(start + 6 * hour)
  const jobs = [startJob(clock), startJob(clock), startJob(clock)]
  await until(clock, () => jobs.some(({ results }) => results.length > 0))
  await idle(clock)
  await Promise.all(jobs.map((job) => job.stop()))
  expect(jobs.flatMap(({ results }) => results)).toHaveLength(1)
  expect(await storedIds()).toEqual([idAt(start + 6 * hour)])
})

test('a check whose answer was lost is stored once', async () => {
  await score(start, start + 6 * hour, 3000)
  const lost = { left: 1 }
  const connect = () => {
    const real = store.client({
      database: store.config.database,
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    })
    return new Proxy(real, {
      get(target, name) {
        if (name !== 'insert') {
          const value: unknown = Reflect.get(target, name)
          return typeof value === 'function' ? value.bind(target) : value
        }
        return async (rows: Parameters<ClickHouseClient['insert']>[0]) => {
          await target.insert(rows)
          if (lost.left-- > 0) throw Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' })
        }
      },
    })
  }
  const job = startJob(clockAt(start + 6 * hour), { connect })
  await until(job.clock, () => lost.left < 1)
  await idle(job.clock)
  await job.stop()
  expect(await storedIds()).toEqual([idAt(start + 6 * hour)])
})

test('an hour without posts is told as such, and is no drift', async () => {
  await score(start, start + 6 * hour, 3000)
  const job = startJob(clockAt(start + 6 * hour))
  await checked(job, 1)
  await checkedAt(job, start + 7 * hour, 2)
  await job.stop()
  expect(newest(job)).toMatchObject({ state: 'no-posts', reasons: [] })
  expect(job.results[1]?.verdict).toBe('ok')
})

test('a window holds posts of one version, however many score', async () => {
  await score(start, start + 6 * hour, 3000)
  await score(start + 5 * hour, start + 6 * hour, 900, { version: 2, shares: [1, 0, 0] })
  const job = startJob(clockAt(start + 6 * hour))
  await checked(job, 1)
  expect(job.results[0]).toMatchObject({ modelVersion: 1, verdict: 'ok' })
  expect(newest(job).state).toBe('checked')

  model = { ...model, version: 2 }
  await checkedAt(job, start + 7 * hour, 2)
  await job.stop()
  expect(job.results[1]).toMatchObject({ modelVersion: 2, verdict: 'ok' })
  expect(newest(job)).toMatchObject({ state: 'collecting', headline: expect.stringContaining('900 of 2,000') })
})

test('labels of unknown posts and contradictory labels count for nothing; flipped ones show what no score can', async () => {
  const before = await score(start, start + 4 * hour, 2400)
  const after = await score(start + 4 * hour, start + 6 * hour, 1200)
  const right = (row: ScoreRow, at: number) =>
    at % 10 < 8 ? row.label : (classes[(classes.indexOf(row.label) + 1) % 3] ?? '')
  const wrong = (row: ScoreRow) => classes[(classes.indexOf(row.label) + 1) % 3] ?? ''
  const answer = (post: string, label: string, by = 'ann'): LabelRow => ({
    post_id: post,
    labelled_by: by,
    labelled_at: start + 6 * hour,
    label,
    text: '',
    event_at: 0,
    origin: 'review',
    selection_probability: 0.2,
    note: '',
  })
  await insertLabels(client, [
    ...before.slice(0, 600).map((row, at) => answer(row.post_id, right(row, at))),
    ...Array.from({ length: 50 }, (_, at) => answer(`nobody-${model.name}-${at}`, 'negative')),
    ...after.slice(0, 100).flatMap((row) => [answer(row.post_id, row.label), answer(row.post_id, wrong(row), 'bob')]),
  ])
  const job = startJob(clockAt(start + 6 * hour))
  await checked(job, 1)
  expect(job.results[0]).toMatchObject({ verdict: 'ok', labelled: 0 })
  expect(newest(job).measured).toBeNull()

  await insertLabels(
    client,
    after.slice(200, 500).map((row) => answer(row.post_id, wrong(row))),
  )
  await checkedAt(job, start + 7 * hour, 2)
  await job.stop()
  expect(job.results[1]).toMatchObject({ verdict: 'drift', labelled: 300 })
  const found = newest(job)
  expect(found.reasons.map(({ statistic }) => statistic).sort()).toEqual(['accuracy.measured', 'estimate.gap'])
  expect(found).toMatchObject({ estimateFailed: true, measured: { value: 0, labels: 300 } })
  expect(found.estimated?.value).toBeCloseTo(0.8, 1)
})

test.each([
  ['a single class', { shares: [0, 1, 0] }],
  ['confidences that are all equal', { confidence: 0.7 }],
])('a stream with %s is no drift', async (_, mix) => {
  await score(start, start + 6 * hour, 3000, mix)
  const job = startJob(clockAt(start + 6 * hour))
  await checked(job, 1)
  await job.stop()
  expect(newest(job).state).toBe('checked')
  expect(job.results[0]?.verdict).toBe('ok')
  for (const row of job.results[0]?.rows ?? []) {
    expect([row.statistic, Number.isFinite(row.value), Number.isFinite(row.threshold)]).toEqual([
      row.statistic,
      true,
      true,
    ])
  }
})
