import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { insertLabels } from '../../clickhouse/labels.ts'
import { migrate } from '../../clickhouse/migrate.ts'
import type { DriftCheckRow } from '../../clickhouse/rows/drift.ts'
import type { ScoreRow } from '../../clickhouse/rows/scores.ts'
import { scoreRows } from '../../clickhouse/testing/score-rows.ts'
import { type TestStore, testStore } from '../../clickhouse/testing/test-store.ts'
import type { Clock } from '../../core/clock.ts'
import { type CheckDetails, type StatisticDetails, verdictRow } from '../../jobs/drift/check-result.ts'
import { DriftPage } from '../drift-api.ts'
import { clickhouseDriftFeed, type DriftFeed } from './drift-feed.ts'
import { type StoreSession, storeSession } from './store-session.ts'

const database = 'driftline_drift_feed'
const noon = Date.UTC(2026, 0, 1, 12)
const hour = 3_600_000

let owner: TestStore
let client: ClickHouseClient
let session: StoreSession
let atMs = noon
const clock: Clock = { now: () => atMs, sleep: async () => {} }
let feed: DriftFeed

beforeAll(async () => {
  owner = await testStore(database)
  client = owner.client({ database })
  await migrate(client, database)
  session = storeSession(() => owner.client({ database }))
})
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  await owner[Symbol.asyncDispose]()
})
beforeEach(async () => {
  for (const table of ['scores', 'labels', 'drift_checks']) await client.command({ query: `TRUNCATE TABLE ${table}` })
  feed = clickhouseDriftFeed(session, clock)
})

const details: CheckDetails = {
  schema: 1,
  state: 'checked',
  headline: 'the class mix has moved',
  reasons: [{ segment: '', statistic: 'classes.js', verdict: 'drift', sentence: 'negative 24 % → 41 %' }],
  baseline: null,
  budget: null,
  estimated: { value: 0.8, low: 0.78, high: 0.82 },
  estimateNote: '',
  measured: { value: 0.7, low: 0.6, high: 0.8, labels: 40 },
  estimateFailed: true,
  moved: {
    words: [{ name: 'strike', reference: 0.01, live: 0.05, weight: 2.1, posts: [{ id: 'p', text: 'a strike' }] }],
    hashtags: [],
    sources: [],
    languages: [],
    classes: [],
  },
  shift: null,
}
const told: StatisticDetails = { sentence: 'the classes differ', decides: true }

/** A check of the hour before `n` hours after noon: its verdict and one statistic. */
function checkRows(n: number, over: Partial<DriftCheckRow> = {}): DriftCheckRow[] {
  const common = {
    check_id: `check-${n}`,
    checked_at: noon + n * hour,
    window_from: noon + (n - 1) * hour,
    window_to: noon + n * hour,
    model_name: 'test',
    model_version: 1,
    segment: '',
    value: 0.1 + n / 100,
    threshold: 0.2,
    p_value: null,
    effect: 0.1,
    reference_rows: 5000,
    live_rows: 1000 + n,
    verdict: 'ok' as const,
  }
  return [
    { ...common, ...verdictRow, details: JSON.stringify(details), ...over },
    { ...common, statistic: 'classes.js', details: JSON.stringify(told) },
    { ...common, statistic: 'classes.js', segment: 'source=file', verdict: 'drift', details: '{"new": "shape"}' },
  ]
}
const insert = (values: readonly DriftCheckRow[]) =>
  client.insert({ table: 'drift_checks', values: [...values], format: 'JSONEachRow' })

test('before any check the page is empty', async () => {
  expect(await feed.page('')).toEqual({ atMs: noon, checks: [], report: null, history: [], accuracy: null })
})

test('checks come newest first, the newest in full, its alarms first, and the course of each statistic that decides', async () => {
  await insert([...checkRows(1), ...checkRows(2), ...checkRows(3, { verdict: 'drift' })])
  await insert(
    checkRows(1)
      .filter(({ segment, statistic }) => segment === '' && statistic !== 'verdict')
      .map((row) => ({ ...row, statistic: 'beside', details: JSON.stringify({ ...told, decides: false }) })),
  )
  await insert(checkRows(2)) // stored twice: a crash between writing and knowing
  const page = await feed.page('')
  expect(DriftPage.parse(page)).toEqual(page)
  expect(page.checks.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
    'check-3 drift',
    'check-2 ok',
    'check-1 ok',
  ])
  expect(page.checks[0]).toMatchObject({
    state: 'checked',
    headline: 'the class mix has moved',
    posts: 1003,
    fromMs: noon + 2 * hour,
    measured: { value: 0.7, labels: 40 },
  })
  expect(page.report).toMatchObject({
    id: 'check-3',
    estimateFailed: true,
    reasons: [{ segment: '', verdict: 'drift', sentence: 'negative 24 % → 41 %' }],
    moved: { words: [{ name: 'strike', live: 0.05, posts: [{ id: 'p', text: 'a strike' }] }] },
  })
  expect(page.report?.statistics.map(({ segment, verdict, sentence }) => [segment, verdict, sentence])).toEqual([
    ['source=file', 'drift', ''],
    ['', 'ok', 'the classes differ'],
  ])
  expect(page.history).toEqual([
    {
      name: 'classes.js',
      points: [1, 2, 3].map((n) => ({ atMs: noon + n * hour, value: 0.1 + n / 100, threshold: 0.2, verdict: 'ok' })),
    },
  ])
})

test('an earlier check is shown when it is asked for; one that does not exist is the newest', async () => {
  await insert([...checkRows(1), ...checkRows(2)])
  expect((await feed.page('check-1')).report?.id).toBe('check-1')
  for (const unknown of ['check-9', "'; DROP TABLE drift_checks; --", '']) {
    expect((await feed.page(unknown)).report?.id).toBe('check-2')
  }
})

test('details of another version of the program, and numbers that are none, leave the rest to be read', async () => {
  await insert(checkRows(1, { details: 'not JSON' }))
  await client.command({
    query: `INSERT INTO drift_checks (check_id, statistic, value, threshold) VALUES ('check-1', 'odd', nan, inf)`,
  })
  const page = await feed.page('')
  expect(page.checks).toMatchObject([{ state: 'unreadable', headline: '', estimated: null }])
  expect(page.report?.statistics.find(({ name }) => name === 'odd')).toMatchObject({ value: null, threshold: null })
})

test('accuracy in the window of the check, from the labels that are there now, each weighted', async () => {
  await insert(checkRows(1))
  const scores = scoreRows(0, 30).map(
    (row): ScoreRow => ({ ...row, event_at: noon + row.offset, label: row.offset < 20 ? 'positive' : 'negative' }),
  )
  await client.insert({ table: 'scores', values: scores, format: 'JSONEachRow' })
  expect((await feed.page('')).accuracy).toBeNull()
  await insertLabels(
    client,
    scores.map(({ post_id, text, event_at }, n) => ({
      post_id,
      labelled_by: 'ada',
      labelled_at: noon - hour, // before the posts: clocks differ
      label: 'positive',
      text,
      event_at,
      origin: 'review',
      selection_probability: n < 20 ? 0.5 : 0.25,
      note: '',
    })),
  )
  atMs += 10_000
  const { accuracy } = await feed.page('')
  expect(accuracy?.value).toBeCloseTo(40 / 80, 6)
  expect(accuracy).toMatchObject({ labels: 30 })
  expect(accuracy?.low).toBeLessThan(0.5)
  expect(accuracy?.high).toBeGreaterThan(0.5)
})

test('many pages that ask at once cost one look', async () => {
  await insert(checkRows(1))
  const [first] = await Promise.all([feed.page(''), feed.page(''), feed.page('')])
  await insert(checkRows(2))
  expect(await feed.page('')).toBe(first)
  atMs += 2_000
  expect((await feed.page('')).report?.id).toBe('check-2')
})
