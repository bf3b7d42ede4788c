import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectStore } from '../../clickhouse/client.ts'
import { select } from '../../clickhouse/queries.ts'
import type { Verdict } from '../../clickhouse/rows/drift.ts'
import { type TestStore, testStore } from '../../clickhouse/testing/test-store.ts'
import { AlertRule, AlertWebhook } from '../../core/alert-settings.ts'
import { silentLog } from '../../core/log.ts'
import { readStatuses } from '../../core/status.ts'
import { type CountedSleeps, countedSleeps } from '../../dataflow/testing/counted-sleeps.ts'
import { type ManualClock, manualClock } from '../../dataflow/testing/manual-clock.ts'
import { openFileRegistry } from '../../models/registry/file-registry.ts'
import type { Registry } from '../../models/registry/registry.ts'
import { type AlertsJobOptions, runAlertsJob } from './main.ts'
import { driftCheck } from './testing/drift-check.ts'
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
/** Of the jobs that run. */
const sleeps = new Set<CountedSleeps>()

beforeAll(async () => {
  store = await testStore('alerts_job_test')
  client = await connectStore(store.config, { signal: new AbortController().signal, log: silentLog })
  folder = mkdtempSync(join(tmpdir(), 'driftline-alerts-'))
  registry = await openFileRegistry(join(folder, 'registry'))
})

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
  const row = driftCheck({
    check_id: `${model}-${at}`,
    checked_at: at,
    window_from: at - minute,
    model_name: model,
    model_version: 3,
    verdict,
    details: JSON.stringify({ schema: 1, state: 'checked', headline: `${verdict}: 12 % of posts moved` }),
  })
  await client.insert({ table: 'drift_checks', values: [row], format: 'JSONEachRow' })
}

const driftRule = (over: object = {}) => AlertRule.parse({ name: 'drift', kind: 'drift', ...over })

async function hook(answers: readonly Answer[] = [], over: object = {}) {
  const server = await receiver(...answers)
  closing.push(() => server[Symbol.asyncDispose]())
  const webhook = AlertWebhook.parse({ name: 'team', url: server.url, ...over })
  const notices = () => server.received.map(({ body }) => JSON.parse(body))
  return { webhook, received: server.received, notices }
}

function startJob(clock: ManualClock, over: Partial<AlertsJobOptions> = {}) {
  const stopping = new AbortController()
  const data = mkdtempSync(join(folder, 'data-'))
  const own = countedSleeps(clock)
  sleeps.add(own)
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
    clock: own,
    random: () => 0.5,
    log: silentLog,
    signal: stopping.signal,
    ...over,
  })
  const stop = async () => {
    stopping.abort()
    await done
    sleeps.delete(own)
  }
  closing.push(stop)
  return { stop, data, done }
}

const statusOf = async (data: string, clock: ManualClock) => (await readStatuses(data, clock.now()))[0]?.status
const looksOf = async (data: string, clock: ManualClock) => (await statusOf(data, clock))?.counts.looks ?? 0

/** A job that alerts sleeps until its next report, its next look and the renewal of its lease; one that stands by has no lease. */
const rests = (own: CountedSleeps) =>
  own.asleep(1000) === 2 ? own.asleep(10_000) === 1 : own.asleep(1000) === 1 && own.asleep(5000) === 1

/** Moves time on second by second, while all jobs rest, until it is so. */
async function untilTrue(clock: ManualClock, is: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await is())) {
    if ([...sleeps].every(rests)) await clock.advance(1000)
    await delay(10)
  }
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
  await untilTrue(clock, async () => (await looksOf(second.data, clock)) > 2)
  expect(received.length).toBe(1)
  await checked('ok', clock.now())
  await untilTrue(clock, () => received.length === 2)
  expect(notices().map(({ type }) => type)).toEqual(['alert.firing', 'alert.resolved'])
})

test('a process that died between state and delivery is followed by one that delivers once, under the same id', async () => {
  const clock = manualClock(start)
  const hanging = await hook(['hang'])
  await checked('drift', start)
  const first = startJob(clock, { webhooks: [hanging.webhook] })
  await untilTrue(clock, () => hanging.received.length === 1)
  await first.stop() // nothing is known of the request, as after a crash
  expect(await events()).toEqual(['firing'])
  expect(await select(client, 'alert_outbox')).toMatchObject([{ webhook: 'team', attempts: 0 }])

  const { webhook, received, notices } = await hook()
  const second = startJob(clock, { webhooks: [webhook] })
  await untilTrue(clock, () => received.length === 1)
  await untilTrue(clock, async () => (await select(client, 'alert_outbox')).length === 0)
  await second.stop()
  const third = startJob(clock, { webhooks: [webhook] })
  await untilTrue(clock, async () => (await looksOf(third.data, clock)) > 2)
  expect(received.length).toBe(1)
  expect(received[0]?.headers['webhook-id']).toBe(hanging.received[0]?.headers['webhook-id'])
  expect(notices()).toEqual(hanging.notices())
  expect(await events()).toEqual(['firing'])
})

test('attempts and the time of the next one outlive a restart', async () => {
  const clock = manualClock(start)
  const { webhook, received } = await hook([{ status: 503, headers: { 'retry-after': '60' } }])
  await checked('drift', start)
  const first = startJob(clock, { webhooks: [webhook] })
  await untilTrue(clock, async () => (await select(client, 'alert_outbox')).some(({ attempts }) => attempts === 1))
  const [unsent] = await select(client, 'alert_outbox')
  await first.stop()
  startJob(clock, { webhooks: [webhook] })
  await untilTrue(clock, () => received.length === 2)
  expect(clock.now()).toBeGreaterThanOrEqual(unsent?.next_at_ms ?? Number.POSITIVE_INFINITY)
})

test('of two processes one alerts; when it is gone, the other goes on without telling anybody twice', async () => {
  const clock = manualClock(start)
  const { webhook, received, notices } = await hook()
  await checked('drift', start)
  const jobs = [startJob(clock, { webhooks: [webhook] }), startJob(clock, { webhooks: [webhook] })]
  await untilTrue(clock, async () => (await select(client, 'alert_outbox')).length === 0 && received.length > 0)
  const looks = () => Promise.all(jobs.map(({ data }) => looksOf(data, clock)))
  await untilTrue(clock, async () => (await looks()).some((count) => count > 2))
  expect((await looks()).filter((count) => count > 0).length).toBe(1)
  expect(received.length).toBe(1)

  const leader = (await looks()).findIndex((count) => count > 0)
  await jobs[leader]?.stop()
  await checked('ok', clock.now())
  await untilTrue(clock, () => received.length === 2)
  expect(notices().map(({ type }) => type)).toEqual(['alert.firing', 'alert.resolved'])
  expect(await events()).toEqual(['firing', 'resolved'])
})

test('a wait that has begun goes on after a restart', async () => {
  const clock = manualClock(start)
  const rules = [driftRule({ forSeconds: 60 })]
  await checked('drift', start)
  const first = startJob(clock, { rules })
  await untilTrue(clock, async () => (await events()).includes('pending'))
  await first.stop()
  await clock.advance(50_000)
  startJob(clock, { rules })
  await untilTrue(clock, async () => (await events()).includes('firing'))
  expect(await events()).toEqual(['pending', 'firing'])
  expect(clock.now() - start).toBeLessThan(100_000) // a wait from the restart on would end at 110 s
})

test('the alert of a rule that is gone is resolved, and people are told', async () => {
  const clock = manualClock(start)
  const { webhook, received, notices } = await hook()
  await checked('drift', start)
  const first = startJob(clock, { webhooks: [webhook] })
  await untilTrue(clock, () => received.length === 1)
  await untilTrue(clock, async () => (await select(client, 'alert_outbox')).length === 0)
  await first.stop()
  startJob(clock, { webhooks: [webhook], rules: [] })
  await untilTrue(clock, () => received.length === 2)
  expect(notices()[1]).toMatchObject({
    type: 'alert.resolved',
    data: { summary: expect.stringMatching(/^the rule is gone/) },
  })
})

test('while the store is away nothing changes, the status says so, and it goes on by itself', async () => {
  const clock = manualClock(start)
  const { webhook, received } = await hook()
  let away = true
  const connect = () => {
    const client = store.client({
      database: store.config.database,
      ...(away && { url: 'http://127.0.0.1:9' }),
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    })
    return client
  }
  await checked('drift', start)
  const { data } = startJob(clock, { webhooks: [webhook], connect })
  await untilTrue(clock, async () => (await statusOf(data, clock))?.state === 'waiting')
  away = false
  await untilTrue(clock, () => received.length === 1)
  await untilTrue(clock, async () => (await statusOf(data, clock))?.state === 'ok')
})

test('the status counts by rule and state, and deliveries by what became of them', async () => {
  const clock = manualClock(start)
  const { webhook, received } = await hook([503])
  await checked('drift', start)
  const rules = [
    driftRule(),
    driftRule({ name: 'stale', staleSeconds: 1, forSeconds: 3600, verdict: 'drift', webhooks: [] }),
  ]
  const { data } = startJob(clock, { webhooks: [webhook], rules })
  await untilTrue(clock, () => received.length === 2)
  await untilTrue(clock, async () => (await statusOf(data, clock))?.reason === 'fires: drift')
  expect(await statusOf(data, clock)).toMatchObject({
    state: 'ok',
    reason: 'fires: drift',
    alerts: [
      { rule: 'drift', state: 'pending', alerts: 0 },
      { rule: 'drift', state: 'firing', alerts: 1 },
      { rule: 'stale', state: 'pending', alerts: 1 },
      { rule: 'stale', state: 'firing', alerts: 0 },
    ],
    counts: { fired: 1, resolved: 0, notices_delivered: 1, notices_retried: 1, notices_dead: 0 },
  })
})
