import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededRandom } from '../core/random.ts'
import { loadModelDirectory, type ModelDirectory, writeManifest } from '../models/model-directory.ts'
import { normaliseSocial1 } from '../text/normalise.ts'
import { quantise } from '../training/after/quantise.ts'
import { writeModel } from '../training/onnx/write.ts'
import { type PresetName, presets } from '../training/presets/presets.ts'
import { trainWordPiece } from '../training/tokenizer/word-piece.ts'
import { syntheticPosts } from './synthetic-posts.ts'

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

export interface NamedModel {
  readonly name: string
  /** What `--model` takes. */
  readonly path: string
}

/** Of `bag` and `encoder` (2 × 128, int8), made in the folder with random weights, `bundled`, and model directories. */
export async function modelsNamed(names: readonly string[], folder: string): Promise<NamedModel[]> {
  const texts = syntheticPosts(50_000, 99)
  const made = { bag: ['bag', false], encoder: ['transformer', true] } as const
  const models: NamedModel[] = []
  for (const name of names) {
    const [preset, int8] = name === 'bag' || name === 'encoder' ? made[name] : []
    const path = preset === undefined ? name : (await makeModel(folder, preset, texts, int8)).path
    models.push({ name, path })
  }
  return models
}
