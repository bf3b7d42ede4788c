import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededRandom } from '../core/random.ts'
import { loadModelDirectory, type ModelDirectory, writeManifest } from '../models/model-directory.ts'
import { normaliseSocial1 } from '../text/normalise.ts'
import { quantise } from '../training/after/quantise.ts'
import { writeModel } from '../training/onnx/write.ts'
import { type PresetName, presets } from '../training/presets/presets.ts'
import { trainWordPiece } from '../training/tokenizer/word-piece.ts'

/** A model of a preset's shape with random weights: its speed is that of a trained one. */
export async function makeModel(
  folder: string,
  preset: PresetName,
  texts: readonly string[],
  int8: boolean,
): Promise<ModelDirectory> {
  const { vocabulary, maxTokens, build } = presets[preset]
  const name = int8 ? `${preset}-int8` : preset
  const directory = await mkdtemp(join(folder, name))
  const tokenizer = trainWordPiece(texts.map(normaliseSocial1), { vocabularySize: vocabulary })
  const graph = build(Object.keys(tokenizer.model.vocab).length, 3, seededRandom(1))
  await writeModel(join(directory, 'model.onnx'), int8 ? quantise(graph) : graph)
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(tokenizer))
  await writeFile(
    join(directory, 'config.json'),
    JSON.stringify({ id2label: { 0: 'negative', 1: 'neutral', 2: 'positive' } }),
  )
  await writeManifest(directory, {
    name,
    version: 1,
    parent: null,
    createdAt: new Date().toISOString(),
    text: { normaliser: 'social-1', maxTokens },
    metrics: {},
    reference: {},
    license: 'Apache-2.0',
  })
  return loadModelDirectory(directory)
}
