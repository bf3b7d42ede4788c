import type { Random } from '../core/random.ts'
import { loadModelDirectory, modelPath } from '../models/model-directory.ts'
import type { Manifest } from '../models/registry/manifest.ts'
import { normalisers } from '../text/normalisers.ts'
import type { LabelledPost } from './data.ts'
import type { InputForm } from './data-batches.ts'
import { type TextForm, textForm } from './data-encode.ts'
import type { Model } from './onnx/model.ts'
import { parseModel } from './onnx/parse.ts'
import { type PresetName, presets } from './presets/presets.ts'
import { trainWordPiece } from './tokenizer/word-piece.ts'

/** What training begins with: an older version, or a preset with random numbers and a tokenizer of its own. */
export interface StartingPoint {
  readonly model: Model
  /** Class names in the order of the logits. */
  readonly labels: readonly string[]
  readonly form: InputForm
  readonly textForm: TextForm
  /** Contents of tokenizer.json and config.json of the new version. */
  readonly tokenizerJson: unknown
  readonly config: unknown
  /** The older version: its manifest, and model.onnx as it was read. */
  readonly base: { readonly manifest: Manifest; readonly onnx: Uint8Array } | undefined
}

/** @param base `bundled` or a model directory @throws DriftlineError `MODEL_INVALID` */
export async function fromBase(base: string): Promise<StartingPoint> {
  const directory = await loadModelDirectory(modelPath(base))
  const { manifest, labels, onnx } = directory
  const model = parseModel(onnx)
  const form = textForm(directory.tokenizer, directory.tokenizerConfig, manifest.text)
  return {
    model,
    labels,
    form: inputForm(model, form),
    textForm: form,
    tokenizerJson: directory.tokenizer,
    config: directory.tokenizerConfig,
    base: { manifest, onnx },
  }
}

/** @param posts decide the classes (in alphabetical order) and the vocabulary */
export function fromPreset(name: PresetName, posts: readonly LabelledPost[], random: Random): StartingPoint {
  const { vocabulary, maxTokens, build } = presets[name]
  const labels = [...new Set(posts.map(({ label }) => label))].sort()
  const normalise = normalisers['social-1']
  const texts = posts.map(({ text }) => normalise(text))
  const tokenizerJson = trainWordPiece(texts, { vocabularySize: vocabulary })
  const config = {
    architectures: [`Driftline${name[0]?.toUpperCase()}${name.slice(1)}`],
    id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
    label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
    pad_token_id: 0,
  }
  const form = textForm(tokenizerJson, config, { normaliser: 'social-1', maxTokens })
  const model = build(form.tokenizer.vocabularySize, labels.length, random)
  return { model, labels, form: inputForm(model, form), textForm: form, tokenizerJson, config, base: undefined }
}

const inputForm = (model: Model, { tokenizer, unknownId }: TextForm): InputForm => ({
  inputs: model.graph.inputs.map(({ name }) => name),
  padId: tokenizer.padId,
  unknownId,
})
