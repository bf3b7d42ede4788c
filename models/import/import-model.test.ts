import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import { loadModelDirectory } from '../model-directory.ts'
import { Golden } from '../proof/golden.ts'
import { type ImportOptions, importModel, modelName } from './import-model.ts'

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

  const home = join(folder, 'home')
  await mkdir(home)
  await writeFile(join(home, 'thesis.txt'), 'all of it')
  await expect(run({ force: true, out: home })).rejects.toMatchObject({ code: 'USAGE' })
  expect(await readFile(join(home, 'thesis.txt'), 'utf8')).toBe('all of it')
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
