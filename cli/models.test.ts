import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'
import { bundledModelPath } from '../models/model-directory.ts'
import { readModel } from '../training/onnx/parse.ts'
import { writeModel } from '../training/onnx/write.ts'

const fixtures = join(packageRoot, 'test/fixtures')

async function driftline(...args: readonly string[]) {
  const child = spawn(process.execPath, [join(packageRoot, 'bin/driftline.js'), ...args], {
    env: { PATH: process.env.PATH },
  })
  child.stdin.end()
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { stdout, stderr, code }
}

/** As `optimum` leaves it; the tiny classifiers of the fixtures have 48 positions and more pieces than the tokenizer. */
async function makeExport(graph: string, config: object = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'driftline-models-verb-'))
  const source = join(folder, 'Tiny_Export')
  await mkdir(source)
  await copyFile(join(fixtures, 'hf-classifiers', graph), join(source, 'model.onnx'))
  await copyFile(join(fixtures, 'models/encoder/tokenizer.json'), join(source, 'tokenizer.json'))
  const id2label = { 0: 'negative', 1: 'neutral', 2: 'positive' }
  const whole = { model_type: 'bert', max_position_embeddings: 48, pad_token_id: 0, id2label, ...config }
  await writeFile(join(source, 'config.json'), JSON.stringify(whole))
  return { folder, source, out: join(folder, 'model') }
}

const roberta = { model_type: 'roberta', max_position_embeddings: 48, pad_token_id: 1 }

test.each([
  ['bert.torchscript.onnx', {}, 48],
  ['distilbert.dynamo.onnx', {}, 48],
  ['roberta.torchscript.onnx', roberta, 46],
])('an export of %s is imported, shown, and predicts', async (graph, config, maxTokens) => {
  const { source, out } = await makeExport(graph, config)
  const imported = await driftline('models', 'import', source, '--out', out, '--json')
  expect(imported).toMatchObject({ code: 0, stderr: '' })
  const { manifest } = JSON.parse(imported.stdout)
  expect(manifest).toMatchObject({ name: 'tiny-export', version: 1, text: { normaliser: 'none', maxTokens } })
  expect(JSON.parse((await driftline('models', 'show', out, '--json')).stdout)).toMatchObject({
    path: out,
    labels: ['negative', 'neutral', 'positive'],
    manifest,
  })
  const predicted = await driftline('predict', '--model', out, '--json', 'a great flight')
  expect(JSON.parse(predicted.stdout)).toMatchObject({ label: expect.stringMatching(/^(negative|neutral|positive)$/) })
})

test('external data is folded into the file, and the scores stay the same', async () => {
  const { source, out, folder } = await makeExport('bert.dynamo.onnx')
  const inOne = join(folder, 'in-one')
  await driftline('models', 'import', source, '--out', inOne)
  const model = await readModel(join(source, 'model.onnx'))
  expect(await writeModel(join(source, 'model.onnx'), model, { externalFile: 'model.onnx_data' })).toHaveLength(2)

  const { code, stderr } = await driftline('models', 'import', source, '--out', out)
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'note: the tensors of model.onnx_data are now in model.onnx\n' })
  expect(await readdir(out)).toEqual(['config.json', 'golden.json', 'manifest.json', 'model.onnx', 'tokenizer.json'])
  const scores = (path: string) => driftline('predict', '--model', path, '--json', 'a great flight')
  expect(await scores(out)).toEqual(await scores(inOne))

  await writeFile(join(source, 'model.onnx_data'), 'cut off')
  const cut = await driftline('models', 'import', source, '--out', join(folder, 'cut'))
  expect(cut).toMatchObject({ code: 1, stderr: expect.stringContaining('external data ends too early') })
  expect((await readdir(folder)).sort()).toEqual(['Tiny_Export', 'in-one', 'model'])
})

test('an imported model is trained on', async () => {
  const { source, out, folder } = await makeExport('bert.torchscript.onnx')
  await writeFile(join(source, 'tokenizer_config.json'), '{"model_max_length":48}')
  await driftline('models', 'import', source, '--out', out)
  const rows = Array.from({ length: 120 }, (_, row) => {
    const bad = row % 2 === 0
    return JSON.stringify({
      text: `the ${bad ? 'awful' : 'great'} flight ${row}`,
      label: bad ? 'negative' : 'positive',
    })
  })
  const labels = join(folder, 'labels.jsonl')
  await writeFile(labels, rows.join('\n'))
  const tuned = join(folder, 'tuned')
  const args = ['--epochs', '1', '--workers', '1', '--backend', 'wasm', '--no-int8', '--json']
  const trained = await driftline('train', '--labels', labels, '--base', out, '--out', tuned, ...args)
  expect(JSON.parse(trained.stdout)).toMatchObject({ certificate: { passed: true } })
  const written = async (name: string) => JSON.parse(await readFile(join(tuned, name), 'utf8'))
  expect(await written('tokenizer_config.json')).toEqual({ model_max_length: 48 })
  expect(await written('config.json')).not.toHaveProperty('model_max_length')
  const shown = await driftline('models', 'show', tuned)
  expect(shown.stdout).toMatch(/^tiny-export version 2 .*\n {2}made .* fine-tuned from version 1\n/)
})

test('a model that fails on the longest text is refused, and --max-tokens helps', async () => {
  const { source, out, folder } = await makeExport('bert.torchscript.onnx', { max_position_embeddings: 64 })
  const refused = await driftline('models', 'import', source, '--out', out)
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('not one of 64 tokens; lower --max-tokens'),
  })
  expect(await readdir(folder)).toEqual(['Tiny_Export'])
  expect(await driftline('models', 'import', source, '--out', out, '--max-tokens', '48')).toMatchObject({ code: 0 })
})

test('classes without names get them by --labels; nameless ones are remarked on', async () => {
  const { source, out, folder } = await makeExport('bert.torchscript.onnx', { id2label: undefined })
  const nameless = await driftline('models', 'import', source, '--out', out)
  expect(nameless).toMatchObject({ code: 1, stderr: expect.stringContaining('name the classes with --labels') })
  const tooFew = await driftline('models', 'import', source, '--out', out, '--labels', 'a,b')
  expect(tooFew).toMatchObject({ code: 1, stderr: expect.stringContaining('2 classes and the graph has 3') })
  const named = await driftline('models', 'import', source, '--out', out, '--labels', 'a,b,c')
  expect(named).toMatchObject({ code: 0, stdout: expect.stringContaining('a, b, c'), stderr: '' })
  const numbered = await driftline(
    ...['models', 'import', source, '--out', join(folder, 'numbered'), '--labels', 'LABEL_0,LABEL_1,LABEL_2'],
  )
  expect(numbered.stderr).toMatch(/^note: the classes are called LABEL_0/)
})

test('a tokenizer of another model is refused', async () => {
  const { source, out } = await makeExport('bert.torchscript.onnx')
  await copyFile(join(bundledModelPath, 'tokenizer.json'), join(source, 'tokenizer.json'))
  const { code, stderr } = await driftline('models', 'import', source, '--out', out)
  expect(code).toBe(1)
  expect(stderr).toMatch(/cannot score a short text.*MODEL_INVALID/s)
})

test('the bundled model is shown with its metrics and every file', async () => {
  const { stdout, code } = await driftline('models', 'show')
  const { manifest } = JSON.parse((await driftline('models', 'show', 'bundled', '--json')).stdout)
  expect(code).toBe(0)
  expect(stdout).toContain(`rows ${manifest.metrics.rows},`)
  for (const [file, { sha256 }] of Object.entries<{ sha256: string }>(manifest.files)) {
    expect(stdout).toContain(file)
    expect(stdout).toContain(sha256)
  }
})

test('a damaged model is not shown', async () => {
  const { source, out } = await makeExport('bert.torchscript.onnx')
  await driftline('models', 'import', source, '--out', out)
  const onnx = await readFile(join(out, 'model.onnx'))
  onnx[onnx.length >> 1] = (onnx[onnx.length >> 1] ?? 0) ^ 1
  await writeFile(join(out, 'model.onnx'), onnx)
  const { code, stdout, stderr } = await driftline('models', 'show', out)
  expect({ code, stdout, stderr }).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/sha256.*model\.onnx/),
  })
})

test.each([
  [['import', 'somewhere'], "required option '--out"],
  [['import', 'hub:../x', '--out', 'y'], 'hub:<owner>/<name>'],
  [['import', 'x', '--out', 'y', '--normaliser', 'mine'], 'Allowed choices are none, social-1'],
  [['import', 'x', '--out', 'y', '--max-tokens', '0'], 'from 1 to 8192'],
  [['import', 'x', '--out', 'y', '--labels', 'a,a'], 'different names'],
  [['import', 'x', '--out', bundledModelPath], '--force'],
])('%j is wrong use', async (args, message) => {
  expect(await driftline('models', ...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) })
})
