import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { openFileRegistry } from './file-registry.ts'
import type { Registry } from './registry.ts'
import { smallModel } from './testing/small-model.ts'
import { type ChallengerChange, endChallenger, readTraffic, setChallenger } from './traffic.ts'

const folders: string[] = []
let registry: Registry

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'driftline-traffic-'))
  folders.push(folder)
  registry = await openFileRegistry(join(folder, 'registry'))
  for (const weights of ['one', 'two', 'three']) {
    await registry.publish(await smallModel(join(folder, weights), { weights }))
  }
})
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

const set = (version: number, share: number, over: Partial<ChallengerChange> = {}) =>
  setChallenger(registry, 'tiny', { version, mode: 'canary', share, by: 'ann', reason: 'a try', ...over })
const slots = async () =>
  (await readTraffic(registry, 'tiny')).challengers.map(({ version, slots }) => [version, slots])

test('a model that was never challenged has no challengers', async () => {
  expect(await readTraffic(registry, 'tiny')).toMatchObject({ revision: 0, challengers: [], ended: [] })
})

test('a share that grows is added to, beside those of others; one that shrinks gives back what came last', async () => {
  await set(2, 0.1)
  await set(3, 0.2)
  expect(await slots()).toEqual([
    [2, [[0, 1000]]],
    [3, [[1000, 3000]]],
  ])
  const { since } = (await readTraffic(registry, 'tiny')).challengers[0] ?? {}
  await set(2, 0.25)
  const grown = [
    [0, 1000],
    [3000, 4500],
  ]
  expect(await slots()).toEqual([
    [3, [[1000, 3000]]],
    [2, grown],
  ])
  expect((await readTraffic(registry, 'tiny')).challengers[1]?.since).toBe(since)
  await set(2, 0.05)
  expect((await slots())[1]).toEqual([2, [[0, 500]]])
})

test('canaries that want more than there is are refused; shadows may share, from the other end', async () => {
  await set(2, 0.7)
  await expect(set(3, 0.4)).rejects.toMatchObject({ code: 'TRAFFIC_TAKEN', details: { left: 0.3 } })
  await set(3, 0.4, { mode: 'shadow' })
  expect(await slots()).toEqual([
    [2, [[0, 7000]]],
    [3, [[6000, 10_000]]],
  ])
})

test('a version that the registry does not have is refused', async () => {
  await expect(set(9, 0.1)).rejects.toMatchObject({ code: 'VERSION_UNKNOWN' })
})

test('an ending says who and why, and ends only the start that is meant', async () => {
  await set(2, 0.1)
  const ending = { by: 'guard', reason: 'too slow' }
  expect(await endChallenger(registry, 'tiny', 2, { ...ending, since: '2020-01-01T00:00:00Z' })).toBe(false)
  expect(await endChallenger(registry, 'tiny', 2, ending)).toBe(true)
  expect(await endChallenger(registry, 'tiny', 2, ending)).toBe(false)
  expect(await readTraffic(registry, 'tiny')).toMatchObject({ challengers: [], ended: [{ version: 2, ...ending }] })
})

test('of many who change the traffic at once, none overwrites another', async () => {
  await Promise.all([set(1, 0.1), set(2, 0.2), set(3, 0.3), set(3, 0.35)])
  const shares = (await readTraffic(registry, 'tiny')).challengers.map(({ version, share }) => [version, share])
  expect(new Set(shares.map(([version]) => version))).toEqual(new Set([1, 2, 3]))
})

test('a document that is none of ours is refused', async () => {
  await registry.documents.write('tiny', 'traffic', { schema: 2 }, 0)
  await expect(readTraffic(registry, 'tiny')).rejects.toMatchObject({ code: 'REGISTRY_INVALID' })
})
