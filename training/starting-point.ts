import { z } from 'zod'
import type { Random } from '../core/random.ts'
import { loadModelDirectory, modelPath } from '../models/model-directory.ts'
import type { Manifest } from '../models/registry/manifest.ts'
import { normalisers } from '../text/normalisers.ts'
import type { LabelledPost } from './data.ts'
import type { InputForm } from './data-batches.ts'
import { type TextForm, textForm } from './data-encode.ts'
import { externalDataAmong } from './onnx/external-data.ts'
import type { Model } from './onnx/model.ts'
import { parseModel } from './onnx/parse.ts'
import { encodeModel } from './onnx/write.ts'
import { type PresetName, presets } from './presets/presets.ts'
import { type ExtendOptions, extendVocabulary } from './tokenizer/extend.ts'
import { trainWordPiece } from './tokenizer/word-piece.ts'

/** What training begins with: an older version, or a preset with random numbers and a tokenizer of its own. */
export interface StartingPoint {
  readonly model: Model
  /** Class names in the order of the logits. */
  readonly labels: readonly string[]
  readonly form: InputForm
  readonly textForm: TextForm
  /** Contents of tokenizer.json, config.json and, where the base has one, tokenizer_config.json of the new version. */
  readonly tokenizerJson: unknown
  readonly config: Json
  readonly tokenizerConfig: Json | undefined
  /** Words that were given a piece of their own on top of the base's vocabulary. */
  readonly newWords: readonly string[]
  /** The older version: its manifest, its graph in one file, and how it reads texts. */
  readonly base: { readonly manifest: Manifest; readonly onnx: Uint8Array; readonly textForm: TextForm } | undefined
}

type Json = Readonly<Record<string, unknown>>

/**
 * @param base `bundled` or a model directory; tensors may be in other files, if the manifest names them
 * @throws DriftlineError `MODEL_INVALID`
 */
export async function fromBase(base: string): Promise<StartingPoint> {
  const directory = await loadModelDirectory(modelPath(base))
  const { manifest, labels, files } = directory
  const external = externalDataAmong(files)
  let folded = false
  const model = parseModel(directory.onnx, (at) => {
    folded = true
    return external(at)
  })
  const json = (name: string): Json | undefined => {
    const content = files.get(name)
    return content && z.looseObject({}).parse(JSON.parse(new TextDecoder().decode(content)))
  }
  const form = textForm(directory.tokenizer, directory.tokenizerConfig, manifest.text)
  return {
    model,
    labels,
    form: inputForm(model, form),
    textForm: form,
    tokenizerJson: directory.tokenizer,
    config: json('config.json') ?? {},
    tokenizerConfig: json('tokenizer_config.json'),
    newWords: [],
    base: { manifest, onnx: folded ? encodeModel(model) : directory.onnx, textForm: form },
  }
}

/** The starting point with a piece for each word of the posts that has become frequent. */
export function withNewWords(
  start: StartingPoint,
  posts: readonly LabelledPost[],
  options: ExtendOptions,
): StartingPoint {
  const normalise = normalisers[start.textForm.text.normaliser]
  const texts = posts.map(({ text }) => normalise(text))
  const { model, tokenizerJson, words } = extendVocabulary(start.model, start.tokenizerJson, texts, options)
  if (words.length === 0) return start
  const form = textForm(tokenizerJson, { ...start.config, ...start.tokenizerConfig }, start.textForm.text)
  const sized = z.looseObject({ vocab_size: z.int() }).safeParse(start.config)
  const config = sized.success ? { ...sized.data, vocab_size: form.tokenizer.vocabularySize } : start.config
  return { ...start, model, tokenizerJson, config, textForm: form, newWords: words }
}

/**
 * @param posts decide the classes (in alphabetical order)
 * @param others texts without labels; the vocabulary is theirs too
 */
export function fromPreset(
  name: PresetName,
  posts: readonly LabelledPost[],
  others: readonly string[],
  random: Random,
): StartingPoint {
  const { vocabulary, maxTokens, build } = presets[name]
  const labels = [...new Set(posts.map(({ label }) => label))].sort()
  const normalise = normalisers['social-1']
  const texts = [...posts.map(({ text }) => text), ...others].map(normalise)
  const tokenizerJson = trainWordPiece(texts, { vocabularySize: vocabulary })
  const config = {
    architectures: [`Driftline${name[0]?.toUpperCase()}${name.slice(1)}`],
    id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
    label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
    pad_token_id: 0,
  }
  const form = textForm(tokenizerJson, config, { normaliser: 'social-1', maxTokens })
  const model = build(form.tokenizer.vocabularySize, labels.length, random)
  return {
    model,
    labels,
    form: inputForm(model, form),
    textForm: form,
    tokenizerJson,
    config,
    tokenizerConfig: undefined,
    newWords: [],
    base: undefined,
  }
}

const inputForm = (model: Model, { tokenizer, unknownId }: TextForm): InputForm => ({
  inputs: model.graph.inputs.map(({ name }) => name),
  padId: tokenizer.padId,
  unknownId,
})
