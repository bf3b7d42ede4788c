import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'
import { seededRandom } from '../core/random.ts'
import { loadModelDirectory, writeManifest } from '../models/model-directory.ts'
import { onnxLogits } from './onnx-logits.ts'
import { fromBase, fromPreset } from './starting-point.ts'

const fixtures = join(packageRoot, 'test/fixtures/models')

/** A fixture with other files in it. */
async function changed(name: string, files: Record<string, string | Uint8Array>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'driftline-base-'))
  cpSync(join(fixtures, name), folder, { recursive: true })
  const { schema, files: _, ...facts } = (await loadModelDirectory(join(fixtures, name))).manifest
  rmSync(join(folder, 'manifest.json'))
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content)
  await writeManifest(folder, facts)
  return folder
}

test('tensors in another file that the manifest names are read, and the graph is one file from then on', async () => {
  const whole = await fromBase(join(fixtures, 'bag'))
  const matrix = [...whole.model.graph.initializers.values()].find(({ dims }) => dims.join() === '16,3')
  if (matrix?.type !== 'float32') throw new Error('the bag has no matrix')
  const bytes = new Uint8Array(matrix.data.buffer, matrix.data.byteOffset, matrix.data.byteLength)
  // The fixture is the bag with this matrix in the first 192 bytes of `package.json`.
  const parted = await fromBase(await changed('external', { 'package.json': bytes }))
  const examples = [{ ids: Int32Array.of(2, 5, 7) }]
  const [expected, logits] = await Promise.all(
    [whole, parted].map(({ base, form }) => onnxLogits(base?.onnx ?? new Uint8Array(0), examples, form, 3)),
  )
  expect(logits).toEqual(expected)
  expect(parted.model.graph.initializers.get(matrix.name)).toMatchObject({ data: matrix.data })
})

test.each([
  ['too short', { 'package.json': new Uint8Array(191) }, /ends too early/],
  ['not in the manifest', {}, /manifest does not name/],
])('external data that is %s is refused', async (_, files, message) => {
  await expect(fromBase(await changed('external', files))).rejects.toThrow(message)
})

test('tokenizer_config.json stays a file of its own', async () => {
  const folder = await changed('bag', { 'tokenizer_config.json': '{"model_max_length":32}' })
  const { config, tokenizerConfig } = await fromBase(folder)
  expect(config).toEqual(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')))
  expect(tokenizerConfig).toEqual({ model_max_length: 32 })
})

test('the vocabulary of a preset is also that of the replayed texts', () => {
  const posts = [
    { text: 'fine weather', label: 'good', atMs: undefined },
    { text: 'foul weather', label: 'bad', atMs: undefined },
  ]
  const replay = Array.from({ length: 50 }, () => 'zeppelin')
  const { textForm } = fromPreset('convolution', posts, replay, seededRandom(1))
  expect(textForm.tokenizer.encode('zeppelin', 16).ids).toHaveLength(3)
})
