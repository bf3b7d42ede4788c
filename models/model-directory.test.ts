import { mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bundledModelPath, loadModelDirectory, modelPath, writeManifest } from './model-directory.ts'

const facts = {
  name: 'tiny',
  version: 3,
  parent: null,
  createdAt: '2026-01-02T03:04:05Z',
  text: { normaliser: 'social-1', maxTokens: 64 },
  metrics: { accuracy: 0.5 },
  reference: {},
  license: 'Apache-2.0',
} as const

async function draftDirectory(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'driftline-model-'))
  await writeFile(join(folder, 'model.onnx'), 'graph')
  await writeFile(join(folder, 'tokenizer.json'), '{"model":{}}')
  await writeFile(join(folder, 'config.json'), '{"id2label":{"1":"good","0":"bad"},"pad_token_id":7}')
  return folder
}

async function finishedDirectory(): Promise<string> {
  const folder = await draftDirectory()
  await writeManifest(folder, facts)
  return folder
}

async function editManifest(folder: string, edit: (manifest: Record<string, unknown>) => void): Promise<void> {
  const file = join(folder, 'manifest.json')
  const manifest = JSON.parse(await readFile(file, 'utf8'))
  edit(manifest)
  await writeFile(file, JSON.stringify(manifest))
}

test('a directory that was finished is loaded with its files and its labels in the order of their ids', async () => {
  const model = await loadModelDirectory(await finishedDirectory())
  expect(model.manifest).toMatchObject({ ...facts, schema: 1 })
  expect(Object.keys(model.manifest.files)).toEqual(['config.json', 'model.onnx', 'tokenizer.json'])
  expect(model.labels).toEqual(['bad', 'good'])
  expect(Buffer.from(model.onnx).toString()).toBe('graph')
  expect(model.tokenizer).toEqual({ model: {} })
  expect(model.tokenizerConfig).toMatchObject({ pad_token_id: 7 })
})

test('a manifest is written once', async () => {
  const folder = await finishedDirectory()
  await expect(writeManifest(folder, facts)).rejects.toThrow(/manifest\.json/)
})

test('a directory that lacks a file gets no manifest', async () => {
  const folder = await draftDirectory()
  await rm(join(folder, 'tokenizer.json'))
  await expect(writeManifest(folder, facts)).rejects.toThrow(/lacks tokenizer\.json/)
})

test.each<[string, (folder: string) => Promise<unknown>, RegExp]>([
  ['one changed byte', (folder) => writeFile(join(folder, 'model.onnx'), 'grapf'), /sha256.*model\.onnx/],
  ['one byte more', (folder) => writeFile(join(folder, 'model.onnx'), 'graphs'), /6 bytes.*5.*model\.onnx/],
  ['a missing file', (folder) => rm(join(folder, 'model.onnx')), /ENOENT.*model\.onnx/],
  ['a missing manifest', (folder) => rm(join(folder, 'manifest.json')), /manifest\.json/],
  ['a manifest that is no JSON', (folder) => writeFile(join(folder, 'manifest.json'), '{'), /manifest\.json/],
  ['a manifest of another schema', (folder) => editManifest(folder, (m) => (m.schema = 2)), /schema/],
  ['a name that leaves the directory', (folder) => editManifest(folder, (m) => (m.files = { '../x': {} })), /files/],
  [
    'a manifest that forgets a file',
    (folder) => editManifest(folder, (m) => (m.files = {})),
    /does not list model\.onnx/,
  ],
])('%s is refused', async (_, damage, message) => {
  const folder = await finishedDirectory()
  await damage(folder)
  await expect(loadModelDirectory(folder)).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringMatching(message),
  })
})

test('a link to a file elsewhere is refused, even with the right contents', async () => {
  const folder = await finishedDirectory()
  const elsewhere = join(await mkdtemp(join(tmpdir(), 'driftline-elsewhere-')), 'model.onnx')
  await rename(join(folder, 'model.onnx'), elsewhere)
  await symlink(elsewhere, join(folder, 'model.onnx'))
  await expect(loadModelDirectory(folder)).rejects.toMatchObject({ code: 'MODEL_INVALID' })
})

test.each([
  ['a gap', { 0: 'bad', 2: 'good' }],
  ['one class', { 0: 'bad' }],
  ['one name twice', { 0: 'bad', 1: 'bad' }],
  ['no number', { zero: 'bad', one: 'good' }],
])('classes with %s are refused', async (_, id2label) => {
  const folder = await draftDirectory()
  await writeFile(join(folder, 'config.json'), JSON.stringify({ id2label }))
  await writeManifest(folder, facts)
  await expect(loadModelDirectory(folder)).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringMatching(/config\.json/),
  })
})

test('a directory that does not exist is named', async () => {
  await expect(loadModelDirectory('/nowhere/at-all')).rejects.toThrow(/\/nowhere\/at-all/)
})

test('the setting `bundled` is the model that comes with the program', () => {
  expect(modelPath('bundled')).toBe(bundledModelPath)
  expect(modelPath('/some/model')).toBe('/some/model')
})
