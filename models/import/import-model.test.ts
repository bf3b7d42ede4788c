import { execFile } from 'node:child_process'
import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { builtModule } from '../../core/package-root.ts'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import { loadModelDirectory } from '../model-directory.ts'
import { Golden } from '../proof/golden.ts'
import { type ImportOptions, importModel, modelName } from './import-model.ts'

const killedImport = builtModule(import.meta.url, './testing/killed-import')

const graph = {
  onnx: new TextEncoder().encode('graph'),
  folded: [],
  inputs: [{ name: 'input_ids', type: 'int64', shape: ['batch', 'tokens'] }],
  outputs: [{ name: 'logits', type: 'float32', shape: ['batch', 2] }],
}

const answers: Golden = { schema: 1, cases: [{ text: 'a text', probabilities: [0.25, 0.75] }] }

async function folderWithExport() {
  const folder = await mkdtemp(join(tmpdir(), 'driftline-import-'))
  const source = join(folder, 'export')
  await mkdir(join(source, 'onnx'), { recursive: true })
  await writeFile(join(source, 'onnx/model.onnx'), 'graph')
  await writeFile(join(source, 'tokenizer.json'), '{"model":{}}')
  await writeFile(join(source, 'tokenizer_config.json'), '{"model_max_length":96}')
  await writeFile(join(source, 'config.json'), '{"id2label":{"0":"bad","1":"good"}}')
  const out = join(folder, 'model')
  const run = (differences: Partial<ImportOptions> = {}) =>
    importModel({
      source,
      out,
      force: false,
      name: 'tiny',
      labels: undefined,
      normaliser: 'social-1',
      maxTokens: undefined,
      license: 'MIT',
      clock: manualClock(0),
      note: () => undefined,
      open: async () => graph,
      prove: async () => answers,
      ...differences,
    })
  return { folder, source, out, run }
}

test('an export becomes a model directory that loads', async () => {
  const { out, run, folder } = await folderWithExport()
  const imported = await run()
  expect(imported).toMatchObject({ out, labels: ['bad', 'good'], folded: [] })
  const { manifest, labels, onnx } = await loadModelDirectory(out)
  expect(manifest).toEqual(imported.manifest)
  expect(manifest).toMatchObject({
    name: 'tiny',
    version: 1,
    parent: null,
    createdAt: '1970-01-01T00:00:00.000Z',
    license: 'MIT',
    text: { normaliser: 'social-1', maxTokens: 96 },
  })
  expect(labels).toEqual(['bad', 'good'])
  expect(Buffer.from(onnx).toString()).toBe('graph')
  expect(Golden.parse(JSON.parse(await readFile(join(out, 'golden.json'), 'utf8')))).toEqual(answers)
  expect((await readdir(folder)).sort()).toEqual(['export', 'model'])
})

test('the card of the export comes along, as one of the files that the manifest names', async () => {
  const { source, out, run } = await folderWithExport()
  await writeFile(join(source, 'README.md'), '# Reviews\n')
  const { manifest } = await run()
  expect(await readFile(join(out, 'README.md'), 'utf8')).toBe('# Reviews\n')
  expect(manifest.files['README.md']).toMatchObject({ bytes: 10 })
})

test('links in the source are followed, and files made of them', async () => {
  const { source, out, folder, run } = await folderWithExport()
  const linked = join(folder, 'linked')
  await mkdir(linked)
  for (const name of await readdir(source)) await symlink(join(source, name), join(linked, name))
  await run({ source: linked })
  for (const name of await readdir(out)) expect((await lstat(join(out, name))).isFile()).toBe(true)
})

test('a model that does not prove itself leaves nothing behind, and the error names the source', async () => {
  const { folder, source, run } = await folderWithExport()
  const prove: ImportOptions['prove'] = async ({ path }) => {
    const { DriftlineError } = await import('../../core/errors.ts')
    throw new DriftlineError('MODEL_INVALID', { reason: 'NaN', model: path })
  }
  await expect(run({ prove })).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    details: { reason: 'NaN', model: source },
  })
  expect(await readdir(folder)).toEqual(['export'])
})

test('what is there is replaced only with force, only if it is a model, and only by a model that works', async () => {
  const { folder, out, run } = await folderWithExport()
  await run()
  await expect(run()).rejects.toMatchObject({ code: 'USAGE', details: { reason: expect.stringContaining('--force') } })
  const failing = { force: true, name: 'other', prove: () => Promise.reject(new Error('broken')) }
  await expect(run(failing)).rejects.toThrow('broken')
  expect((await loadModelDirectory(out)).manifest.name).toBe('tiny')
  await run({ force: true, name: 'other' })
  expect((await loadModelDirectory(out)).manifest.name).toBe('other')
  expect((await readdir(folder)).sort()).toEqual(['export', 'model'])

  const belowFile = join(out, 'manifest.json/model')
  await expect(run({ out: belowFile })).rejects.toMatchObject({ code: 'USAGE', details: { out: belowFile } })

  const home = join(folder, 'home')
  await mkdir(home)
  await writeFile(join(home, 'thesis.txt'), 'all of it')
  await expect(run({ force: true, out: home })).rejects.toMatchObject({ code: 'USAGE' })
  expect(await readFile(join(home, 'thesis.txt'), 'utf8')).toBe('all of it')
})

test.each([
  ['before the old one steps aside', 'rename', 0, 'old', [/draft-.*, which an earlier import left behind, is removed/]],
  [
    'between the two renames',
    'rename',
    1,
    undefined,
    [/the model that was there is back/, /draft-.*, which an earlier import left behind, is removed/],
  ],
  ['before the old one is removed', 'remove', 0, 'new', [/\.old, which an earlier import left behind, is removed/]],
] as const)('what an import that is killed %s leaves is seen to by the next', async (_, step, count, there, said) => {
  const { folder, source, out, run } = await folderWithExport()
  await run({ name: 'old' })
  const args = [killedImport, source, out, step, String(count)]
  await expect(promisify(execFile)(process.execPath, args)).rejects.toMatchObject({ signal: 'SIGKILL' })
  const nameAt = async () => (await loadModelDirectory(out)).manifest.name
  if (there === undefined) await expect(lstat(out)).rejects.toMatchObject({ code: 'ENOENT' })
  else expect(await nameAt()).toBe(there)

  const notes: string[] = []
  const note = (text: string) => notes.push(text)
  await expect(run({ note })).rejects.toMatchObject({ code: 'USAGE' }) // it is there, and there is no --force
  expect(notes).toEqual(said.map((line) => expect.stringMatching(line)))
  expect(await nameAt()).toBe(there ?? 'old')
  expect((await readdir(folder)).sort()).toEqual(['export', 'model'])
})

test('a model that stepped aside on another machine is put back; what that machine may be writing stays', async () => {
  const { folder, out, run } = await folderWithExport()
  await run({ name: 'old' })
  await rename(out, join(folder, '.model.draft-elsewhere~1~a.old'))
  await mkdir(join(folder, '.model.draft-elsewhere~1~b'))
  await expect(run()).rejects.toMatchObject({ code: 'USAGE' })
  expect((await loadModelDirectory(out)).manifest.name).toBe('old')
  expect((await readdir(folder)).sort()).toEqual(['.model.draft-elsewhere~1~b', 'export', 'model'])
  const tomorrow = manualClock(Date.now() + 2 * 86_400_000)
  await run({ force: true, clock: tomorrow })
  expect((await readdir(folder)).sort()).toEqual(['export', 'model'])
})

test.each<[string, readonly string[], RegExp]>([
  ['nothing but weights', ['config.json', 'tokenizer.json', 'model.safetensors'], /neither model\.onnx.*export it/],
  ['only a quantised graph', ['config.json', 'tokenizer.json', 'onnx/model_int8.onnx'], /only onnx\/model_int8\.onnx/],
  ['no config', ['model.onnx', 'tokenizer.json'], /no config\.json/],
  ['no tokenizer', ['model.onnx', 'config.json'], /no tokenizer\.json;/],
  ['only a slow tokenizer', ['model.onnx', 'config.json', 'vocab.txt'], /vocab\.txt.*save the fast tokenizer/],
  ['a manifest', ['model.onnx', 'config.json', 'tokenizer.json', 'manifest.json'], /model directory already/],
])('an export with %s is refused', async (_, names, reason) => {
  const { folder, run } = await folderWithExport()
  const source = join(folder, 'other')
  await mkdir(join(source, 'onnx'), { recursive: true })
  for (const name of names) await writeFile(join(source, name), '{}')
  await expect(run({ source })).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringMatching(reason),
    details: { source },
  })
})

test.each([
  ['My_Model.v2', 'my-model-v2'],
  ['2024 export', 'export'],
  ['--é--x--', 'x'],
])('%s gives the name %s', (from, expected) => {
  expect(modelName(from)).toBe(expected)
})

test('what came to be at --out in the meantime stays', async () => {
  const { folder, out, run } = await folderWithExport()
  const meanwhile = async () => {
    await mkdir(out)
    await writeFile(join(out, 'mine.txt'), 'not a model')
    return answers
  }
  for (const force of [false, true]) {
    await rm(out, { recursive: true, force: true })
    await expect(run({ force, prove: meanwhile })).rejects.toMatchObject({ code: 'USAGE' })
    expect(await readdir(out)).toEqual(['mine.txt'])
  }
  expect((await readdir(folder)).sort()).toEqual(['export', 'model'])
})

test('where no letter is left, a name is asked for', () => {
  expect(() => modelName('日本-1')).toThrow(expect.objectContaining({ code: 'USAGE' }))
})
