import { z } from 'zod'
import { DriftlineError } from '../core/errors.ts'
import type { Manifest } from '../models/registry/manifest.ts'
import { normalisers } from '../text/normalisers.ts'
import { createTokenizer, type Tokenizer } from '../text/tokenizer.ts'
import type { LabelledPost } from './data.ts'
import type { Example } from './data-batches.ts'

/** How a text becomes ids: the same steps that scoring takes. */
export interface TextForm {
  readonly tokenizer: Tokenizer
  readonly unknownId: number
  readonly text: Manifest['text']
}

const UnknownToken = z.looseObject({
  model: z.looseObject({
    unk_token: z.string().nullish(),
    vocab: z.union([z.record(z.string(), z.number()), z.array(z.unknown())]).optional(),
  }),
})

/** @param tokenizerJson contents of tokenizer.json */
export function textForm(tokenizerJson: unknown, tokenizerConfig: unknown, text: Manifest['text']): TextForm {
  const tokenizer = createTokenizer(tokenizerJson, tokenizerConfig)
  const { model } = UnknownToken.parse(tokenizerJson)
  const vocabulary = Array.isArray(model.vocab) ? {} : (model.vocab ?? {})
  // A tokenizer without an unknown token (byte-level BPE) drops words to padding, which is masked out anywhere else.
  const unknownId = vocabulary[model.unk_token ?? ''] ?? tokenizer.padId
  return { tokenizer, unknownId, text }
}

export const encodeText = ({ tokenizer, text }: TextForm, raw: string): Int32Array =>
  Int32Array.from(tokenizer.encode(normalisers[text.normaliser](raw), text.maxTokens).ids)

/**
 * @param labels names of the classes, in the order of the logits
 * @throws DriftlineError `LABELS_INVALID` naming the labels that the model does not have
 */
export function encodeExamples(
  posts: readonly LabelledPost[],
  labels: readonly string[],
  form: TextForm,
): readonly Example[] {
  const index = new Map(labels.map((label, at) => [label, at]))
  const unknown = [...new Set(posts.flatMap(({ label }) => (index.has(label) ? [] : [label])))]
  if (unknown.length > 0) {
    const reason = 'classes that the model does not have'
    throw new DriftlineError('LABELS_INVALID', { reason, unknown: unknown.slice(0, 10), model: labels })
  }
  return posts.map(({ text, label }) => ({ ids: encodeText(form, text), label: index.get(label) ?? 0 }))
}
