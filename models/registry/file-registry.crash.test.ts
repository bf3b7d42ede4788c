import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { builtModule } from '../../core/package-root.ts'
import { openFileRegistry } from './file-registry.ts'
import { smallModel } from './testing/small-model.ts'

const writer = builtModule(import.meta.url, './testing/writer')
const run = promisify(execFile)
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-registry-'))
  await smallModel(join(folder, 'one'), { weights: 'one' })
  await smallModel(join(folder, 'two'), { weights: 'two' })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs a writer on its own copy of `root` that is killed before its step `last`; false when it had no such step. */
async function killedAt(root: string, copy: string, last: number, args: readonly string[]): Promise<boolean> {
  await cp(root, copy, { recursive: true })
  try {
    await run(process.execPath, [writer, copy, ...args, String(last)])
    return false
  } catch (error) {
    expect(error).toMatchObject({ signal: 'SIGKILL' })
    return true
  }
}

/** Kills a writer before each of its steps, until one gets to its end. */
async function killedAtEachStep(
  title: string,
  args: readonly string[],
  check: (root: string, killed: boolean) => Promise<void>,
): Promise<number> {
  const root = join(folder, title)
  const registry = await openFileRegistry(root)
  await registry.publish(join(folder, 'one'))
  if (args[0] === 'move') {
    await registry.publish(join(folder, 'two'))
    await registry.setAlias('tiny', 'champion', 1, { expected: undefined, by: 'test', reason: '' })
  }
  if (args[0] === 'remove') await registry.publish(join(folder, 'two'))
  if (args[0] === 'document') {
    // One more removes old revisions.
    for (let revision = 0; revision < 16; revision++) {
      await registry.documents.write('tiny', 'traffic', revision + 1, revision)
    }
  }
  const atOnce = 4
  for (let first = 0; ; first += atOnce) {
    const killed = await Promise.all(
      Array.from({ length: atOnce }, async (_, index) => {
        const copy = join(folder, `${title}-${first + index}`)
        const killed = await killedAt(root, copy, first + index, args)
        await check(copy, killed)
        return killed
      }),
    )
    const end = killed.indexOf(false)
    if (end >= 0) return first + end
  }
}

test('killed at any step of a publication, the version is there whole or not at all, and the next one goes through', async () => {
  const steps = await killedAtEachStep('publish', ['publish', join(folder, 'two')], async (root, killed) => {
    const registry = await openFileRegistry(root)
    expect(await readdir(join(root, '.drafts'))).toEqual([])
    const versions = await registry.versions('tiny')
    expect(versions).toEqual(versions.length === 1 ? [1] : [1, 2])
    for (const version of versions) await registry.open('tiny', version)
    expect(await registry.publish(join(folder, 'two'))).toMatchObject({ version: 2, created: versions.length === 1 })
    if (!killed) expect(versions.length).toBe(2)
  })
  expect(steps).toBeGreaterThan(10)
})

test('killed at any step of a move, the alias points to the old or the new version, and the audit agrees', async () => {
  const steps = await killedAtEachStep('move', ['move'], async (root, killed) => {
    const registry = await openFileRegistry(root)
    expect(await readdir(join(root, '.drafts'))).toEqual([])
    const { at, change } = await registry.aliases('tiny')
    const audit = await registry.audit('tiny')
    expect(audit.at(-1)).toMatchObject({ change, to: at.champion })
    expect(at).toEqual(change === 1 ? { champion: 1 } : { champion: 2, previous: 1 })
    await registry.open('tiny', at.champion ?? 0)
    if (!killed) expect(change).toBe(2)
  })
  expect(steps).toBeGreaterThan(4)
})

test('killed at any step of a removal, the version is there whole or not at all, and the rest is cleaned up', async () => {
  const steps = await killedAtEachStep('remove', ['remove'], async (root, killed) => {
    const registry = await openFileRegistry(root)
    const log = await registry.log('tiny')
    const versions = await registry.versions('tiny')
    expect(versions).toEqual(log.length === 0 ? [1, 2] : [1])
    for (const version of versions) await registry.open('tiny', version)
    for (const leftover of await registry.leftovers()) await leftover.remove()
    expect(await registry.leftovers()).toEqual([])
    expect(await readdir(join(root, 'tiny/versions'))).toEqual(versions.map(String))
    expect(await readdir(join(root, '.drafts'))).toEqual([])
    expect(await registry.publish(join(folder, 'two'))).toMatchObject({ version: log.length === 0 ? 2 : 3 })
    if (!killed) expect(versions).toEqual([1])
  })
  expect(steps).toBeGreaterThan(6)
})

test('killed at any step of a write that removes old revisions, a document is at the old or the new one, and goes on', async () => {
  const steps = await killedAtEachStep('document', ['document'], async (root, killed) => {
    const { documents } = await openFileRegistry(root)
    expect(await readdir(join(root, '.drafts'))).toEqual([])
    const { revision = 0, value } = (await documents.read('tiny', 'traffic')) ?? {}
    expect([16, 17]).toContain(revision)
    expect(value).toBe(revision)
    if (!killed) expect(revision).toBe(17)
    for (let next = revision; next < 40; next++) await documents.write('tiny', 'traffic', next + 1, next)
    const [first = ''] = await readdir(join(root, 'tiny/documents/traffic'))
    const left = await readdir(join(root, 'tiny/documents/traffic', first))
    expect(left.filter((file) => Number.parseInt(file, 10) < Number(first))).toEqual([])
    expect(left.length).toBeLessThan(20)
  })
  expect(steps).toBeGreaterThan(15)
})
