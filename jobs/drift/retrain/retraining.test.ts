import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { storeClient } from '../../../clickhouse/client.ts'
import { insertLabels } from '../../../clickhouse/labels.ts'
import { type TestStore, testStore } from '../../../clickhouse/testing/test-store.ts'
import { systemClock } from '../../../core/clock.ts'
import type { Config } from '../../../core/config.ts'
import { silentLog } from '../../../core/log.ts'
import { seededRandom } from '../../../core/random.ts'
import { GateReport, gateFiles } from '../../../models/gates/report.ts'
import { openFileRegistry, registryFolder } from '../../../models/registry/file-registry.ts'
import type { Registry } from '../../../models/registry/registry.ts'
import type { CheckResult } from '../check-result.ts'
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
    leaseMs: 2000,
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
  config = { ...store.config, model: 'slang', database: 'driftline_retrain', retrainWorkers: 1 }
  registry = await openFileRegistry(registryFolder(config.data))
  await publishChampion(registry, folder)
  const older = madePosts({ rows: 300, seed: 2, tell: oldWords, fromMs: startMs - 30 * dayMs, prefix: 'older' })
  const recent = madePosts({ rows: 400, seed: 3, tell: newWords, fromMs: startMs, prefix: 'recent' })
  const client = storeClient(config)
  await insertLabels(client, labelRows([...older, ...recent], startMs + dayMs))
  await client.close()
}, 120_000)
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
}, 120_000)
