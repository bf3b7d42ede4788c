import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { storeClient } from '../../../clickhouse/client.ts'
import { insertLabels } from '../../../clickhouse/labels.ts'
import { scoreRows } from '../../../clickhouse/testing/score-rows.ts'
import { type TestStore, testStore } from '../../../clickhouse/testing/test-store.ts'
import { systemClock } from '../../../core/clock.ts'
import type { Config } from '../../../core/config.ts'
import { silentLog } from '../../../core/log.ts'
import { seededRandom } from '../../../core/random.ts'
import { GateReport, gateFiles } from '../../../models/gates/report.ts'
import { openFileRegistry, registryFolder } from '../../../models/registry/file-registry.ts'
import type { Registry } from '../../../models/registry/registry.ts'
import { endChallenger, readTraffic } from '../../../models/registry/traffic.ts'
import type { CheckResult } from '../check-result.ts'
import { changeRetraining } from './document.ts'
import { createRetraining } from './retraining.ts'
import { labelRows, madePosts, newWords, oldWords, publishChampion, startMs } from './testing/small-stream.ts'

const dayMs = 86_400_000
let store: TestStore
let folder: string
let registry: Registry
let config: Config
const signal = new AbortController().signal

const recipe = { batchSize: 16, epochs: 8 }
const check = (verdict: CheckResult['verdict']): CheckResult => ({
  checkId: 'check-1',
  checkedAt: startMs,
  window: { from: startMs, to: startMs + dayMs },
  modelName: 'slang',
  modelVersion: 1,
  verdict,
  rows: [],
  labelled: 300,
})
const retraining = (over: Partial<Config> = {}) =>
  createRetraining({
    config: { ...config, ...over },
    registry,
    connect: () => storeClient(config),
    clock: systemClock,
    log: silentLog,
    random: seededRandom(7),
    recipe,
    leaseMs: 20_000,
    lookEveryMs: 0,
  })

const trainings = async () => {
  const client = storeClient(config)
  const result = await client.query({
    query: 'SELECT training_id, state, from_version, to_version, reason FROM trainings FINAL ORDER BY at, step',
    format: 'JSONEachRow',
  })
  const rows = z
    .array(z.object({ training_id: z.string(), state: z.string(), from_version: z.number(), to_version: z.number() }))
    .parse(await result.json())
  await client.close()
  return rows
}

beforeAll(async () => {
  store = await testStore('driftline_retrain')
  folder = await mkdtemp(join(tmpdir(), 'driftline-retrain-'))
  // Speed is judged by gates.test.ts; here a candidate must never fail by what else the machine does.
  const settings = { model: 'slang', database: 'driftline_retrain', retrainWorkers: 1, gateMaxSlowdown: 100 }
  config = { ...store.config, ...settings }
  registry = await openFileRegistry(registryFolder(config.data))
  await publishChampion(registry, folder)
  const older = madePosts({ rows: 300, seed: 2, tell: oldWords, fromMs: startMs - 30 * dayMs, prefix: 'older' })
  const recent = madePosts({ rows: 400, seed: 3, tell: newWords, fromMs: startMs, prefix: 'recent' })
  const client = storeClient(config)
  await insertLabels(client, labelRows([...older, ...recent], startMs + dayMs))
  await client.close()
})
afterAll(async () => {
  await store[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('a verdict of ok, and drift with too few labels, start nothing', async () => {
  expect(await retraining().tick(check('ok'), signal)).toBeUndefined()
  expect(await retraining({ retrainMinLabels: 5000 }).tick(check('drift'), signal)).toBeUndefined()
  expect(await trainings()).toEqual([])
})

test('drift and labels make a version that passes its gates and waits for a person', async () => {
  const job = retraining()
  const begun = await job.tick(check('drift'), signal)
  expect(begun?.state).toBe('training')
  await job.settled()
  const ended = await job.status()
  expect(ended).toMatchObject({ state: 'published', candidate: 2, gatesFailed: [], by: 'drift', checkId: 'check-1' })
  const { path, manifest } = await registry.open('slang', 2)
  const report = GateReport.parse(JSON.parse(await readFile(join(path, gateFiles.report), 'utf8')))
  expect(report).toMatchObject({ passed: true, candidate: { name: 'slang', parent: 1 } })
  expect(Object.keys(manifest.files)).toEqual(expect.arrayContaining([gateFiles.report, gateFiles.page]))
  expect((await registry.aliases('slang')).at.champion).toBe(1)
  expect((await trainings()).map(({ state }) => state)).toEqual(['selecting', 'training', 'gating', 'published'])
  // Another tick has nothing to do, and the next drift waits for the cool-down.
  expect(await job.tick(check('drift'), signal)).toMatchObject({ id: ended?.id, state: 'published' })
})

describe('a version that passed its gates, promoted by itself', () => {
  const auto = (over: Partial<Config> = {}) =>
    retraining({ promotion: 'auto', canaryMinutes: 0, canaryPosts: 100, watchMinutes: 60, ...over })

  /** As if the retraining of the test before had been told to promote by itself, just now. */
  async function published(): Promise<void> {
    await changeRetraining(registry, 'slang', (document) => {
      if (document.current === null) throw new Error('the test before made a version')
      const id = `again-${document.begun.length}-${Math.random()}`
      const since = new Date().toISOString()
      const patch = { id, state: 'published', promotion: 'auto', since, promotedAt: null, expected: null } as const
      return { ...document, current: { ...document.current, ...patch } }
    })
  }

  /** Posts that version 2 scores now, `positive` of ten of them positive. */
  async function scored(prefix: string, rows: number, positive: number): Promise<void> {
    const client = storeClient(config)
    const now = Date.now()
    const values = Array.from({ length: rows }, (_, at) => {
      const label = at % 10 < positive ? 'positive' : 'negative'
      const over = { scored_at: now, model_name: 'slang', model_version: 2, label, confidence: 0.95 }
      return { ...scoreRows(at, 1)[0], ...over, post_id: `${prefix}-${at}` }
    })
    await client.insert({ table: 'scores', values, format: 'JSONEachRow' })
    await client.close()
  }

  const champion = async () => (await registry.aliases('slang')).at.champion
  const challengers = async () => (await readTraffic(registry, 'slang')).challengers.map(({ version }) => version)

  test('a canary that its guard ended is refused, with the guard’s reason', async () => {
    await published()
    const job = auto()
    expect((await job.tick(undefined, signal))?.state).toBe('canary')
    expect(await challengers()).toEqual([2])
    await endChallenger(registry, 'slang', 2, { by: 'guard', reason: 'too slow' })
    expect(await job.tick(undefined, signal)).toMatchObject({
      state: 'refused',
      reason: 'the canary was ended by guard: too slow',
    })
    expect(await champion()).toBe(1)
  })

  test('a good canary is promoted and watched, and the watch ends well', async () => {
    await published()
    const job = auto()
    await job.tick(undefined, signal)
    await scored('canary', 200, 5)
    expect((await job.tick(undefined, signal))?.state).toBe('watching')
    expect([await champion(), await challengers()]).toEqual([2, []])
    expect((await registry.audit('slang')).at(-1)).toMatchObject({ by: 'retraining', from: 1, to: 2 })
    expect((await auto({ watchMinutes: 0 }).tick(undefined, signal))?.state).toBe('done')
  })

  test('a champion that answers otherwise than its canary is rolled back', async () => {
    await registry.setAlias('slang', 'champion', 1, { expected: 2, by: 'test', reason: 'again' })
    await published()
    const job = auto({ watchMinutes: 1 })
    await job.tick(undefined, signal)
    await scored('canary-2', 200, 5)
    expect((await job.tick(undefined, signal))?.state).toBe('watching')
    // Twenty blocks of a second in which nearly everything is positive.
    const client = storeClient(config)
    const from = Date.parse((await job.status())?.promotedAt ?? '')
    const values = scoreRows(5000, 400).map((row, at) => {
      const over = { scored_at: from + Math.floor(at / 10) * 1000, model_name: 'slang', model_version: 2 }
      return { ...row, ...over, label: 'positive', confidence: 0.95 }
    })
    await client.insert({ table: 'scores', values, format: 'JSONEachRow' })
    await client.close()
    const ended = await job.tick(undefined, signal)
    expect(ended?.state).toBe('rolled-back')
    expect(ended?.reason).toContain('50.0 % was expected')
    expect(await champion()).toBe(1)
    expect((await registry.audit('slang')).at(-1)).toMatchObject({ by: 'retraining', from: 2, to: 1 })
  })

  test('a version that a person promotes during the canary is watched, and its canary ends', async () => {
    await published()
    const job = auto({ canaryMinutes: 60 })
    await job.tick(undefined, signal)
    await registry.setAlias('slang', 'champion', 2, { expected: 1, by: 'ann', reason: 'I am sure' })
    expect((await job.tick(undefined, signal))?.state).toBe('watching')
    expect(await challengers()).toEqual([])
    await registry.setAlias('slang', 'champion', 1, { expected: 2, by: 'ann', reason: 'I was not' })
    expect(await job.tick(undefined, signal)).toMatchObject({
      state: 'rolled-back',
      reason: 'rolled back by ann: I was not',
    })
  })
})
