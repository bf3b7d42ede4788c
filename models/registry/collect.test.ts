import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { judgeVersions } from './collect.ts'
import { openFileRegistry } from './file-registry.ts'
import type { Registry } from './registry.ts'
import { smallModel } from './testing/small-model.ts'
import { setChallenger } from './traffic.ts'
import { usesOf } from './uses.ts'

const day = 86_400_000
let folder: string
let registry: Registry
let nowMs = Date.parse('2026-03-01T00:00:00Z')
const clock = { now: () => nowMs, sleep: () => Promise.resolve() }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-collect-'))
  registry = await openFileRegistry(join(folder, 'registry'), { clock })
  // 1 ← 2 (previous) ← 3 (champion), 4 (canary), 5, 6, 7 (runs)
  const parents: Record<number, number> = { 2: 1, 3: 2 }
  for (let version = 1; version <= 7; version++) {
    const parent = parents[version]
    const model = { weights: String(version), ...(parent === undefined ? {} : { parent }) }
    await registry.publish(await smallModel(join(folder, String(version)), model))
  }
  const by = { by: 'ann', reason: 'a test' }
  for (const [from, to] of [[undefined, 5] as const, [5, 2] as const, [2, 3] as const]) {
    await registry.setAlias('tiny', 'champion', to, { expected: from, ...by })
    nowMs += day
  }
  await setChallenger(registry, 'tiny', { version: 4, mode: 'canary', share: 0.1, ...by })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('aliases, challengers and running jobs use versions, and what these were fine-tuned from', async () => {
  expect([...(await usesOf(registry, 'tiny', [7, 7]))].sort(([a], [b]) => a - b)).toEqual([
    [1, ['parent of 2']],
    [2, ['alias previous', 'parent of 3']],
    [3, ['alias champion']],
    [4, ['canary']],
    [7, ['running']],
  ])
})

test('what nothing uses may go once it is old enough and no longer among the newest', async () => {
  const free = async (keep: number, unusedDays: number) => {
    const judged = await judgeVersions(registry, 'tiny', { keep, unusedMs: unusedDays * day, nowMs, running: [7] })
    return judged.filter(({ kept }) => kept.length === 0).map(({ version }) => version)
  }
  expect(await free(0, 0)).toEqual([5, 6])
  expect(await free(2, 0)).toEqual([5])
  expect(await free(0, 3)).toEqual([6]) // 5 was champion two days ago
  expect(await free(7, 0)).toEqual([])
})

test('a version in use that is damaged keeps what may be its parent, and nobody from the rest', async () => {
  const manifest = join(folder, 'registry/tiny/versions/4/manifest.json')
  const whole = await readFile(manifest)
  await writeFile(manifest, '{')
  const judged = await judgeVersions(registry, 'tiny', { keep: 0, unusedMs: 0, nowMs, running: [] })
  await writeFile(manifest, whole)
  const perhaps = 'perhaps parent of 4, whose manifest cannot be read'
  expect(judged.filter(({ kept }) => kept.includes(perhaps)).map(({ version }) => version)).toEqual([1, 2, 3])
  expect(judged.filter(({ kept }) => kept.length === 0).map(({ version }) => version)).toEqual([5, 6, 7])
})

test('a version in use stays, with every reason; another goes, and the log says so', async () => {
  const order = { by: 'bob', reason: 'tidy', running: [7] }
  const uses = (...reasons: string[]) => ({ code: 'VERSION_IN_USE', details: { uses: reasons } })
  await expect(registry.remove('tiny', 1, order)).rejects.toMatchObject(uses('parent of 2'))
  await expect(registry.remove('tiny', 4, order)).rejects.toMatchObject(uses('canary'))
  await expect(registry.remove('tiny', 7, order)).rejects.toMatchObject(uses('running'))
  await expect(registry.remove('tiny', 9, order)).rejects.toMatchObject({ code: 'VERSION_UNKNOWN' })
  await registry.remove('tiny', 6, order)
  expect(await registry.versions('tiny')).toEqual([1, 2, 3, 4, 5, 7])
  expect((await registry.log('tiny')).at(-1)).toMatchObject({ remove: 6, by: 'bob', reason: 'tidy' })
})
