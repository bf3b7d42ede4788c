import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'
import { loadModelDirectory, writeManifest } from '../models/model-directory.ts'
import { openFileRegistry, registryFolder } from '../models/registry/file-registry.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-damaged-'))
  const registry = await openFileRegistry(registryFolder(folder))
  for (const seed of [1, 2, 3]) await registry.publish(await certified(seed))
  for (const [from, to] of [[undefined, 1] as const, [1, 2] as const]) {
    await registry.setAlias('tiny-bag', 'champion', to, { expected: from, by: 'ann', reason: 'a test' })
  }
  const config = join(registryFolder(folder), 'tiny-bag/versions/2/config.json')
  await writeFile(config, (await readFile(config, 'utf8')).toUpperCase())
  await writeFile(join(registryFolder(folder), 'tiny-bag/versions/3/manifest.json'), '{')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The bag of the fixtures, another version for each seed. */
async function certified(seed: number): Promise<string> {
  const source = join(packageRoot, 'test/fixtures/models/bag')
  const path = await mkdtemp(join(folder, 'bag-'))
  for (const file of ['model.onnx', 'tokenizer.json', 'config.json']) await cp(join(source, file), join(path, file))
  await writeFile(join(path, 'certificate.json'), JSON.stringify({ passed: true, seed }))
  const { schema: _, files: __, ...facts } = (await loadModelDirectory(source)).manifest
  await writeManifest(path, facts)
  return path
}

async function models(...args: readonly string[]) {
  const child = spawn(process.execPath, [join(packageRoot, 'bin/driftline.js'), 'models', ...args], {
    env: { PATH: process.env.PATH, DRIFTLINE_DATA: folder, DRIFTLINE_MODEL: 'tiny-bag' },
  })
  child.stdin.end()
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { stdout, stderr, code }
}

test('a champion whose files were changed can be left', async () => {
  const { code, stdout, stderr } = await models('rollback')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/tiny-bag champion: 2 → 1\n {2}tiny-bag@2 cannot be read: .*config\.json/)
})

test('a version whose manifest cannot be read hides no other, is kept by gc, and can be deleted', async () => {
  const listed = await models('list')
  expect(listed).toMatchObject({ code: 0, stderr: '' })
  expect(listed.stdout).toMatch(/\ntiny-bag@1 .*champion\ntiny-bag@2 .*previous\ntiny-bag@3 +damaged\n/)
  const damaged = JSON.parse((await models('list', '--json')).stdout).at(-1)
  expect(damaged).toMatchObject({ version: 3, aliases: [], damage: expect.stringContaining('manifest.json') })
  const kept = JSON.parse((await models('gc', '--keep', '0', '--unused-days', '0', '--json')).stdout).kept
  expect(kept.at(-1)).toMatchObject({ version: 3, why: [expect.stringContaining('models delete')] })
  expect(await models('delete', '3', '--reason', 'damaged')).toMatchObject({ code: 0, stderr: '' })
  expect((await models('list')).stdout).not.toContain('tiny-bag@3')
})

test('an alias that points to nothing is found, also where no version is left', async () => {
  await rm(join(registryFolder(folder), 'tiny-bag/versions'), { recursive: true })
  const { code, stdout } = await models('verify')
  expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringMatching(/NOT ok {2}tiny-bag aliases .*version=1/) })
})
