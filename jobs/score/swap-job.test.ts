import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { connectStore, storeClient } from '../../clickhouse/client.ts'
import { type TestStore, testStore } from '../../clickhouse/testing/test-store.ts'
import type { EventLog } from '../../connectors/event-log.ts'
import { openEventLog } from '../../connectors/open-log.ts'
import { systemClock } from '../../core/clock.ts'
import type { Config } from '../../core/config.ts'
import { DriftlineError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { readStatuses } from '../../core/status.ts'
import { openFileRegistry, registryFolder } from '../../models/registry/file-registry.ts'
import type { Registry } from '../../models/registry/registry.ts'
import { smallModel } from '../../models/registry/testing/small-model.ts'
import { runScoreJob, type ScoreSummary } from './main.ts'
import { recordSwap } from './record-swap.ts'
import { type StartScorer, startModel } from './start-model.ts'
import { ModelSwitch } from './swap.ts'
import { fakeScorer } from './testing/fake-scorer.ts'
import { verify } from './verify.ts'

const database = 'driftline_swap'
let store: TestStore
let folder: string
let config: Config
let eventLog: EventLog
let registry: Registry
/** Versions that fail to start. */
const broken = new Set<number>()

beforeAll(async () => {
  store = await testStore(database)
  config = { ...store.config, model: 'tiny', partitions: 2, batchPosts: 20 }
  folder = await mkdtemp(join(tmpdir(), 'driftline-swap-'))
  eventLog = await openEventLog(config, silentLog)
  registry = await openFileRegistry(registryFolder(config.data))
  for (const weights of ['one', 'two', 'three']) {
    await registry.publish(await smallModel(join(folder, weights), { weights }))
  }
  await registry.setAlias('tiny', 'champion', 1, { expected: undefined, by: 'ann', reason: 'first' })
  await (await connectStore(config, { signal: AbortSignal.timeout(30_000), log: silentLog })).close()
})
afterAll(async () => {
  await eventLog[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** Runs the job while `act` does something to its registry. */
async function whileScoring(act: (models: ModelSwitch) => Promise<void>): Promise<ScoreSummary> {
  const connect = () => storeClient(config)
  const common = { clock: systemClock, log: silentLog }
  const start: StartScorer = async ({ manifest: { version } }) => {
    if (broken.has(version)) throw new DriftlineError('MODEL_INVALID', { reason: 'its first run failed' })
    return fakeScorer(version)
  }
  const { ready, follow } = await startModel(config.model, config.data, { start, ...common })
  const models = new ModelSwitch({ first: ready, record: recordSwap(connect), ...common })
  const stop = new AbortController()
  const options = { config, eventLog, connect, models, follow, start, untilEnd: false, acceptRecreated: false }
  const job = runScoreJob({ ...options, signal: stop.signal, ...common })
  try {
    await act(models)
  } finally {
    stop.abort()
    await job.finally(() => models[Symbol.asyncDispose]())
  }
  return job
}

async function append(from: number, count: number): Promise<void> {
  await eventLog.createTopic(config.topic, config.partitions)
  const writer = await eventLog.sink<number>(`test-${from}`).open('0', AbortSignal.timeout(30_000))
  const posts = Array.from({ length: count }, (_, index) => {
    const post = { id: `post-${from + index}`, text: 'a text', createdAt: 1_700_000_000_000, source: 'test' }
    return { topic: config.topic, key: post.id, value: Buffer.from(JSON.stringify(post)) }
  })
  await writer.write(posts, { position: from, states: {} })
  await writer[Symbol.asyncDispose]()
}

const rowsOf = async <Schema extends z.ZodType>(query: string, row: Schema): Promise<z.infer<Schema>[]> => {
  const result = await store.client({ database }).query({ query, format: 'JSONEachRow' })
  return z.array(row).parse(await result.json())
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await systemClock.sleep(5)
}

const scoredUpTo = async (posts: number) => {
  const [row] = await rowsOf('SELECT toUInt32(count()) AS n FROM scores', z.object({ n: z.number() }))
  return row?.n === posts
}

const refusals = () =>
  rowsOf(
    `SELECT to_version, outcome, changed_by FROM swaps WHERE outcome NOT IN ('started', 'swapped')`,
    z.object({ to_version: z.number(), outcome: z.string(), changed_by: z.string() }),
  )

const status = async () =>
  (await readStatuses(config.data, systemClock.now())).find(({ job }) => job === 'score')?.status

const promote = async (to: number, reason: string) => {
  const expected = (await registry.aliases('tiny')).at.champion
  await registry.setAlias('tiny', 'champion', to, { expected, by: 'ann', reason })
}

const checked = () =>
  verify(
    eventLog,
    store.client({ database }),
    [{ topic: config.topic, positionsIn: 'scores' }],
    AbortSignal.timeout(30_000),
  )

test('swaps while posts arrive: nothing lost or doubled, and each row has the version that swaps names', async () => {
  let posts = 0
  await whileScoring(async (models) => {
    for (let swap = 0; swap < 10; swap++) {
      await append(posts, 300)
      posts += 300
      const to = models.scorer.version === 1 ? 2 : 1
      await promote(to, `swap ${swap}`)
      await until(() => models.scorer.version === to)
    }
    await append(posts, 100)
    posts += 100
    await until(() => scoredUpTo(posts))
  })
  expect(await checked()).toMatchObject({ ok: true, scored: posts, gaps: 0, duplicates: 0, findings: [] })
  const versions = await rowsOf(
    'SELECT DISTINCT model_version AS v FROM scores ORDER BY v',
    z.object({ v: z.number() }),
  )
  expect(versions).toEqual([{ v: 1 }, { v: 2 }])
  const said = await rowsOf(`SELECT DISTINCT reason FROM swaps ORDER BY reason`, z.object({ reason: z.string() }))
  expect(said.map(({ reason }) => reason)).toContain('swap 9')
})

test('verify finds a row of a version that swaps does not name', async () => {
  const client = store.client({ database })
  await client.command({
    query: `INSERT INTO swaps SELECT * REPLACE (9 AS to_version, now64(3) + 60 AS swapped_at) FROM swaps LIMIT 1`,
  })
  const { ok, findings } = await checked()
  expect(ok).toBe(false)
  expect(findings[0]).toMatchObject({ kind: 'version', recorded: 9 })
  await client.command({ query: 'DELETE FROM swaps WHERE to_version = 9' })
  expect(await checked()).toMatchObject({ ok: true })
})

test('a version that cannot start leaves the old one in place, and says so, until the alias moves on', async () => {
  broken.add(3)
  await whileScoring(async (models) => {
    const running = models.scorer.version
    await promote(3, 'looks good')
    await until(async () => (await refusals()).length > 0)
    expect(models.scorer.version).toBe(running)
    await until(async () => (await status())?.swap?.outcome === 'MODEL_INVALID')
    expect(await status()).toMatchObject({ state: 'ok', model: { version: running }, swap: { to: 3 } })
    const other = running === 1 ? 2 : 1
    await promote(other, 'this one then')
    await until(() => models.scorer.version === other)
  })
  expect(await refusals()).toMatchObject([{ to_version: 3, outcome: 'MODEL_INVALID', changed_by: 'ann' }])
  expect((await status())?.swap).toMatchObject({ outcome: 'swapped', reason: 'this one then' })
})

test('a champion that cannot start is passed over for the previous one, and tried again by nobody', async () => {
  await promote(3, 'still broken')
  const before = (await registry.aliases('tiny')).at.previous
  await whileScoring(async (models) => {
    expect(models.scorer.version).toBe(before)
    await until(async () => (await refusals()).length > 1)
  })
  expect(await refusals()).toHaveLength(2)
})
