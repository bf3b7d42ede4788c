import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { storeClient } from '../../clickhouse/client.ts'
import type { Clock } from '../../core/clock.ts'
import { loadConfig } from '../../core/config.ts'
import { documentKey, type Retraining } from '../../jobs/drift/retrain/state.ts'
import { type GateReport, gateNames } from '../../models/gates/report.ts'
import { writeManifest } from '../../models/model-directory.ts'
import { openFileRegistry } from '../../models/registry/file-registry.ts'
import type { Registry } from '../../models/registry/registry.ts'
import { smallModel } from '../../models/registry/testing/small-model.ts'
import { setChallenger } from '../../models/registry/traffic.ts'
import { ModelsPage } from '../models-api.ts'
import { type ModelsFeed, registryModelsFeed } from './models-feed.ts'
import { type StoreSession, storeSession } from './store-session.ts'

let atMs = Date.UTC(2026, 0, 1)
const clock: Clock = { now: () => atMs, sleep: async () => {} }
let folder: string
let registry: Registry
let session: StoreSession
let feed: ModelsFeed
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-models-feed-'))
  registry = await openFileRegistry(join(folder, 'registry'))
  const { config } = loadConfig({ data: folder }, {}, folder)
  session = storeSession(() => storeClient(config)) // no store runs here
  feed = registryModelsFeed(async () => registry, session, clock)
})
afterEach(async () => {
  await session[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const publish = async (weights: string, gates?: GateReport): Promise<void> => {
  const directory = await smallModel(join(folder, weights), { weights })
  if (gates !== undefined) {
    await writeFile(join(directory, 'gates.json'), JSON.stringify(gates))
    await writeFile(join(directory, 'gates.html'), `<h1>${weights}</h1>`)
  }
  await rm(join(directory, 'manifest.json'))
  await writeManifest(directory, {
    name: 'tiny',
    version: 1,
    parent: null,
    createdAt: '2026-01-02T03:04:05.000Z',
    text: { normaliser: 'none', maxTokens: 8 },
    reference: {},
    license: 'Apache-2.0',
    metrics: { accuracy: 0.75 },
    lineage: {
      dataFrom: '2025-12-01T00:00:00.000Z',
      dataTo: '2025-12-30T00:00:00.000Z',
      labels: 1200,
      replayed: 400,
      seed: 1,
      codeVersion: '0.1.0',
    },
  })
  await registry.publish(directory)
}
const report = (failed: readonly string[]): GateReport => ({
  schema: 1,
  candidate: { name: 'tiny', parent: 1 },
  evaluatedAt: '2026-01-01T00:00:00.000Z',
  passed: failed.length === 0,
  gates: gateNames.map((name) => ({
    name,
    passed: !failed.includes(name),
    value: 1,
    bound: 1,
    unit: '',
    reason: 'because',
  })),
  data: { fresh: null, golden: null, slices: [], reliability: [], speed: { champion: [], candidate: [] } },
})
const page = async () => {
  atMs += 10_000
  const read = await feed.page()
  expect(ModelsPage.parse(read)).toEqual(read)
  return read
}

test('an empty registry is an empty page, also while ClickHouse is away', async () => {
  expect(await page()).toMatchObject({ models: [], swaps: null })
})

test('versions newest first, with what they were made of, their gates, and who points to them', async () => {
  await publish('one')
  await publish('two', report(['slices', 'speed']))
  await publish('three', report([]))
  await registry.setAlias('tiny', 'champion', 1, { expected: undefined, by: 'ada', reason: 'the first' })
  await registry.setAlias('tiny', 'champion', 3, { expected: 1, by: 'drift', reason: 'passed' })
  const [model] = (await page()).models
  expect(model?.versions).toMatchObject([
    { version: 3, aliases: ['champion'], gates: { passed: true, failed: [], page: true }, accuracy: 0.75 },
    { version: 2, aliases: [], gates: { passed: false, failed: ['slices', 'speed'] } },
    { version: 1, aliases: ['previous'], gates: null },
  ])
  expect(model?.versions[0]?.origin).toBe('1200 labels and 400 replayed posts, written 2025-12-01 to 2025-12-30')
  expect(model?.changes).toMatchObject([
    { alias: 'champion', from: 1, to: 3, by: 'drift', reason: 'passed' },
    { alias: 'champion', from: null, to: 1, by: 'ada' },
  ])
  expect(await feed.gatesPage('tiny', 3)).toBe('<h1>three</h1>')
  expect(await feed.gatesPage('tiny', 1)).toBeUndefined()
  expect(await feed.gatesPage('tiny', 9)).toBeUndefined()
})

test('challengers, and the retraining that runs', async () => {
  await publish('one')
  await publish('two')
  await setChallenger(registry, 'tiny', { version: 2, mode: 'shadow', share: 0.25, by: 'ada', reason: 'try it' }, clock)
  const now = new Date(atMs).toISOString()
  const current: Retraining = {
    id: 'r1',
    state: 'training',
    reason: 'drift, and labels',
    since: now,
    step: 2,
    startedAt: now,
    by: 'drift',
    checkId: 'c1',
    meaningChanged: false,
    promotion: 'auto',
    seed: 1,
    champion: 1,
    candidate: null,
    data: null,
    progress: { pid: 1, phase: 'training', at: now, epoch: 1, step: 30, totalSteps: 120, remainingMs: 9000 },
    gatesFailed: null,
    expected: null,
    promotedAt: null,
  }
  await registry.documents.write('tiny', documentKey, { schema: 1, current, begun: [now], unrecorded: [] }, 0)
  const [model] = (await page()).models
  expect(model?.challengers).toMatchObject([{ version: 2, mode: 'shadow', share: 0.25, by: 'ada', reason: 'try it' }])
  expect(model?.training).toMatchObject({ state: 'training', active: true, done: 0.25, remainingMs: 9000, data: null })
})

test('a registry that could not be opened is tried again', async () => {
  let fails = true
  const late = registryModelsFeed(
    async () => {
      if (fails) throw new Error('the folder is locked')
      return registry
    },
    session,
    clock,
  )
  await expect(late.page()).rejects.toThrow('locked')
  fails = false
  expect((await late.page()).models).toEqual([])
})
