/**
 * Gives a model directory that was made before there were golden answers those that `train` would have written: `node
 * dist/training/after/testing/add-golden.js <directory>`. Its files are verified first, and nothing else of its manifest changes.
 */
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadModelDirectory, manifestFile } from '../../../models/model-directory.ts'
import { goldenFile } from '../../../models/proof/golden.ts'
import { Manifest } from '../../../models/registry/manifest.ts'
import { textForm } from '../../data-encode.ts'
import { goldenOf } from '../golden.ts'

const path = process.argv[2] ?? ''
const { onnx, tokenizer, tokenizerConfig, manifest, labels } = await loadModelDirectory(path)
const form = textForm(tokenizer, tokenizerConfig, manifest.text)
const inputs = { inputs: ['input_ids', 'attention_mask'], padId: form.tokenizer.padId, unknownId: form.unknownId }
const golden = Buffer.from(`${JSON.stringify(await goldenOf(onnx, inputs, form, labels.length), null, 2)}\n`)
await writeFile(join(path, goldenFile), golden)

const before = Manifest.parse(JSON.parse(await readFile(join(path, manifestFile), 'utf8')))
const entry = { sha256: createHash('sha256').update(golden).digest('hex'), bytes: golden.length }
const files = Object.entries({ ...before.files, [goldenFile]: entry }).sort(([a], [b]) => (a < b ? -1 : 1))
await writeFile(
  join(path, manifestFile),
  `${JSON.stringify({ ...before, files: Object.fromEntries(files) }, null, 2)}\n`,
)
