import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adoptBundled, bundledName, loadModel, parseModelSetting } from './load-model.ts'
import { bundledModelPath } from './model-directory.ts'
import { openFileRegistry, registryFolder } from './registry/file-registry.ts'
import { smallModel } from './registry/testing/small-model.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-models-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test.each([
  ['sentiment', { kind: 'champion', name: 'sentiment' }],
  ['sentiment@12', { kind: 'version', name: 'sentiment', version: 12 }],
  ['bundled', { kind: 'directory', path: bundledModelPath }],
  ['./sentiment', { kind: 'directory', path: resolve('sentiment') }],
  ['models/sentiment', { kind: 'directory', path: resolve('models/sentiment') }],
  ['sentiment@0', { kind: 'directory', path: resolve('sentiment@0') }],
])('the setting %s', (setting, meant) => {
  expect(parseModelSetting(setting)).toEqual(meant)
})

test('the bundled model takes the place of its name while the registry does not know it, and is not written there', async () => {
  const data = join(folder, 'fresh')
  const { path, manifest } = await loadModel(bundledName, { data })
  expect([path, manifest.name]).toEqual([bundledModelPath, bundledName])
  expect(await (await openFileRegistry(registryFolder(data))).names()).toEqual([])
  await expect(loadModel('unknown', { data })).rejects.toMatchObject({ code: 'VERSION_UNKNOWN' })
})

test('any number of processes may adopt the bundled model at a time: it is version 1, and champion', async () => {
  const data = join(folder, 'adopted')
  const registry = await openFileRegistry(registryFolder(data))
  await Promise.all(Array.from({ length: 5 }, () => adoptBundled(registry)))
  await adoptBundled(registry)
  expect(await registry.versions(bundledName)).toEqual([1])
  expect(await registry.aliases(bundledName)).toEqual({ change: 1, at: { champion: 1 } })
  expect((await loadModel(bundledName, { data })).path).toBe(join(registryFolder(data), bundledName, 'versions/1'))
})

test('a name is its champion, a name with a number that version', async () => {
  const data = join(folder, 'tiny')
  const registry = await openFileRegistry(registryFolder(data))
  for (const weights of ['one', 'two']) await registry.publish(await smallModel(join(folder, weights), { weights }))
  await registry.setAlias('tiny', 'champion', 2, { expected: undefined, by: 'ann', reason: '' })
  expect((await loadModel('tiny', { data })).manifest.version).toBe(2)
  expect((await loadModel('tiny@1', { data })).manifest.version).toBe(1)
})
