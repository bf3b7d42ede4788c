import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { draftIn } from './disk.ts'
import { openFileRegistry } from './file-registry.ts'
import { FileStore } from './file-store.ts'
import { registryContract } from './testing/registry-contract.ts'
import { smallModel } from './testing/small-model.ts'

let folder: string
let count = 0
const root = () => join(folder, String(count))
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-registry-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

registryContract('registry in files', {
  open: () => openFileRegistry(root()),
  reset: async () => {
    count++
  },
})

const published = async () => {
  count++
  const registry = await openFileRegistry(root())
  await registry.publish(await smallModel(join(folder, `model-${count}`), { weights: 'weights' }))
  return registry
}

test('a watcher hears of a move, and of a document', async () => {
  const [registry, writer] = [await published(), await openFileRegistry(root())]
  const stop = new AbortController()
  const rung = () => new Promise<void>((resolve) => registry.watch('tiny', resolve, stop.signal))
  const ofMove = rung()
  await writer.setAlias('tiny', 'champion', 1, { expected: undefined, by: 'ann', reason: '' })
  await ofMove
  await writer.documents.write('tiny', 'traffic', 1, 0)
  const ofDocument = rung()
  await writer.documents.write('tiny', 'traffic', 2, 1)
  await ofDocument
  stop.abort()
})

test('a file that changed under the registry is named, and takes no alias', async () => {
  const registry = await published()
  await writeFile(join(root(), 'tiny/versions/1/model.onnx'), 'wrights')
  const refused = { code: 'MODEL_INVALID', details: { file: 'model.onnx' } }
  await expect(registry.open('tiny', 1)).rejects.toMatchObject(refused)
  const move = { expected: undefined, by: 'ann', reason: 'forced', force: true }
  await expect(registry.setAlias('tiny', 'champion', 1, move)).rejects.toMatchObject(refused)
})

test('a directory under a number that is not its own is refused', async () => {
  const registry = await published()
  const manifest = await readFile(join(root(), 'tiny/versions/1/manifest.json'), 'utf8')
  await writeFile(join(root(), 'tiny/versions/1/manifest.json'), manifest.replace('"version": 1', '"version": 7'))
  await expect(registry.manifest('tiny', 1)).rejects.toMatchObject({ code: 'MODEL_INVALID' })
})

test('a change that cannot be read is named', async () => {
  const registry = await published()
  await registry.setAlias('tiny', 'champion', 1, { expected: undefined, by: 'ann', reason: '' })
  await writeFile(join(root(), 'tiny/changes/1.json'), '{}')
  await expect(registry.aliases('tiny')).rejects.toMatchObject({ code: 'REGISTRY_INVALID' })
})

test('opening removes what processes that are gone left behind, and leaves what others are at', async () => {
  count++
  const drafts = join(root(), '.drafts')
  const own = draftIn(drafts)
  const [host = ''] = own.slice(drafts.length + 1).split('~')
  const gone = join(drafts, `${host}~${2 ** 30}~x`) // above any process number
  const elsewhere = join(drafts, 'another-host~1~x')
  for (const draft of [own, gone, elsewhere]) await mkdir(draft, { recursive: true })
  await openFileRegistry(root())
  expect((await readdir(drafts)).sort()).toEqual([own, elsewhere].map((path) => path.slice(drafts.length + 1)).sort())
})

test('a change that is missing is named', async () => {
  const registry = await published()
  for (const alias of ['champion', 'canary']) {
    await registry.setAlias('tiny', alias, 1, { expected: undefined, by: 'ann', reason: '' })
  }
  await rm(join(root(), 'tiny/changes/1.json'))
  const named = { code: 'REGISTRY_INVALID', details: { file: join(root(), 'tiny/changes/1.json') } }
  await expect(registry.audit('tiny')).rejects.toMatchObject(named)
})

test('a model whose aliases point to nothing any more is still one of the names', async () => {
  const registry = await published()
  await registry.setAlias('tiny', 'champion', 1, { expected: undefined, by: 'ann', reason: '' })
  await rm(join(root(), 'tiny/versions/1'), { recursive: true })
  expect(await registry.names()).toEqual(['tiny'])
})

test('a number that was given out and taken back while a copy was made is not given out again', async () => {
  const ann = await published()
  const [two, three] = await Promise.all(
    ['two', 'three'].map((weights) => smallModel(join(folder, `${weights}-${count}`), { weights })),
  )
  const draft = FileStore.prototype.draft
  vi.spyOn(FileStore.prototype, 'draft').mockImplementationOnce(async function (this: FileStore, directory) {
    const { place, discard } = await draft.call(this, directory)
    const afterAnother = async (version: number) => {
      if (version === 2) {
        expect(await ann.publish(three ?? '')).toMatchObject({ version: 2, created: true })
        await ann.remove('tiny', 2, { by: 'ann', reason: 'a slip' })
      }
      return place(version)
    }
    return { place: afterAnother, discard }
  })
  const { version } = await (await openFileRegistry(root())).publish(two ?? '')
  expect(await ann.versions('tiny')).toEqual([1, version])
})
