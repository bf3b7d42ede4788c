import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectStore } from '../../clickhouse/client.ts'
import { select } from '../../clickhouse/queries.ts'
import type { DriftCheckRow, Verdict } from '../../clickhouse/rows.ts'
import { type TestStore, testStore } from '../../clickhouse/testing/test-store.ts'
import { AlertRule, AlertWebhook } from '../../core/alert-settings.ts'
import { silentLog } from '../../core/log.ts'
import { readStatuses } from '../../core/status.ts'
import { type ManualClock, manualClock } from '../../dataflow/testing/manual-clock.ts'
import { openFileRegistry } from '../../models/registry/file-registry.ts'
import type { Registry } from '../../models/registry/registry.ts'
import { type AlertsJobOptions, runAlertsJob } from './main.ts'
import { type Answer, receiver } from './testing/receiver.ts'

const start = Date.UTC(2026, 2, 2, 9)
const minute = 60_000

let store: TestStore
let client: ClickHouseClient
let folder: string
let registry: Registry
let model = ''
let models = 0
const closing: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  store = await testStore('alerts_job_test')
  client = await connectStore(store.config, { signal: AbortSignal.timeout(60_000), log: silentLog })
  folder = mkdtempSync(join(tmpdir(), 'driftline-alerts-'))
  registry = await openFileRegistry(join(folder, 'registry'))
}, 60_000)

afterAll(async () => {
  await client.close()
  await store[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

beforeEach(async () => {
  models += 1
  model = `model-${models}`
  for (const table of ['alerts', 'alert_deliveries', 'drift_checks'])
    await client.command({ query: `TRUNCATE ${table}` })
})

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function checked(verdict: Verdict, at: number): Promise<void> {
  const row: DriftCheckRow = {
    check_id: `${model}-${at}`,
    checked_at: at,
    window_from: at - minute,
    window_to: at,
    model_name: model,
    model_version: 3,
    segment: '',
    statistic: 'verdict',
    value: 0,
    threshold: 0,
    p_value: null,
    effect: 0,
    reference_rows: 1000,
    live_rows: 1000,
    verdict,
    details: JSON.stringify({ schema: 1, state: 'checked', headline: `${verdict}: 12 % of posts moved` }),
  }
  await client.insert({ table: 'drift_checks', values: [row], format: 'JSONEachRow' })
}

const driftRule = (over: object = {}) => AlertRule.parse({ name: 'drift', kind: 'drift', ...over })

async function hook(answers: readonly Answer[] = [], over: object = {}) {
  const server = await receiver(...answers)
  closing.push(() => server[Symbol.asyncDispose]())
  const webhook = AlertWebhook.parse({ name: 'team', url: server.url, ...over })
  const notices = () => server.received.map(({ body }) => JSON.parse(body))
  return {
    webhook,
    received: server.received,
    notices,
    seen: (count: number) => seen(() => server.received.length, count),
  }
}

/** Requests go over a real socket, so they are waited for in real time. */
async function seen(count: () => number, wanted: number): Promise<void> {
  const deadline = Date.now() + 20_000
  while (count() < wanted) {
    if (Date.now() > deadline) throw new Error(`${count()} of ${wanted} seen`)
    await delay(5)
  }
}

function startJob(clock: ManualClock, over: Partial<AlertsJobOptions> = {}) {
  const stopping = new AbortController()
  const data = mkdtempSync(join(folder, 'data-'))
  const done = runAlertsJob({
    data,
    rules: [driftRule()],
    webhooks: [],
    everyMs: 15_000,
    model,
    documents: registry.documents,
    waiting: async () => ({ topic: 'posts', posts: 0, seconds: 0 }),
    connect: () =>
      store.client({
        database: store.config.database,
        clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
      }),
    clock,
    random: () => 0.5,
    log: silentLog,
    signal: stopping.signal,
    ...over,
  })
  const stop = async () => {
    stopping.abort()
    await done
  }
  closing.push(stop)
  return { stop, data, done }
}

/** Moves time on second by second, with real time for what goes over sockets, until it is so. */
async function untilTrue(clock: ManualClock, is: () => boolean | Promise<boolean>, seconds = 120): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    if (await is()) return
    await clock.advance(1000)
    await delay(20)
  }
  expect(await is()).toBe(true)
}

const events = async () => {
  const result = await client.query({
    query: 'SELECT event FROM alerts FINAL ORDER BY at, step',
    format: 'JSONEachRow',
  })
  return (await result.json<{ event: string }>()).map(({ event }) => event)
}

test('drift comes and goes: the webhook is told that it fires, and that it is resolved, and history has both', async () => {
  const clock = manualClock(start)
  const { webhook, notices, received } = await hook()
  await checked('drift', start)
  startJob(clock, { webhooks: [webhook] })
  await untilTrue(clock, () => received.length === 1)
  await checked('ok', clock.now())
  await untilTrue(clock, () => received.length === 2)

  const [fires, resolved] = notices()
  expect(fires).toMatchObject({
    type: 'alert.firing',
    data: {
      schema: 1,
      rule: 'drift',
      kind: 'drift',
      severity: 'warning',
      state: 'firing',
      group: { by: 'model', name: model },
      value: 2,
      threshold: 2,
      resolvedAt: null,
      summary: `${model} version 3: drift: 12 % of posts moved`,
    },
  })
  expect(resolved).toMatchObject({ type: 'alert.resolved', data: { state: 'resolved', alertId: fires.data.alertId } })
  expect(await events()).toEqual(['firing', 'resolved'])
  expect(await select(client, 'alert_active')).toEqual([])
})

test('a restart neither fires an alert again nor forgets it', async () => {
  const clock = manualClock(start)
  const { webhook, received, notices } = await hook()
  await checked('drift', start)
  const first = startJob(clock, { webhooks: [webhook] })
  await untilTrue(clock, () => received.length === 1)
  await untilTrue(clock, async () => (await select(client, 'alert_outbox')).length === 0)
  await first.stop()
  await clock.advance(10 * minute)
  const second = startJob(clock, { webhooks: [webhook] })
  await untilTrue(clock, async () => {
    const [file] = await readStatuses(second.data, clock.now())
    return (file?.status?.counts.looks ?? 0) > 2
  })
  expect(received.length).toBe(1)
  await checked('ok', clock.now())
  await untilTrue(clock, () => received.length === 2)
  expect(notices().map(({ type }) => type)).toEqual(['alert.firing', 'alert.resolved'])
})
