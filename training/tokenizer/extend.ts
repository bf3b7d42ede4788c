import { Tokenizer } from '@huggingface/tokenizers'
import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import type { Model, Tensor } from '../onnx/model.ts'

export interface ExtendOptions {
  /** Most words to add. */
  readonly most: number
  /** A word that occurs less often has too few examples to learn from. */
  readonly minFrequency: number
}

export interface Extended {
  readonly model: Model
  /** Contents of tokenizer.json. */
  readonly tokenizerJson: unknown
  /** What was added, most frequent first. */
  readonly words: readonly string[]
}

const WordPieceFile = z.looseObject({
  model: z.looseObject({ type: z.literal('WordPiece'), vocab: z.record(z.string(), z.int().nonnegative()) }),
})

/**
 * Language moves: gives the words that have become frequent, and that the tokenizer knows only in pieces, a piece and
 * an embedding of their own. A new row begins as the mean of its pieces' rows, so the model starts near where it was.
 *
 * Only the vocabulary and the look-up table change; a longer word that begins with a new one may split differently.
 *
 * @param texts normalised as the model's manifest says
 * @returns the same objects when there is no such word, or when the tokenizer is not WordPiece
 * @throws DriftlineError `MODEL_INVALID` when no table of the graph is looked up with the token ids
 */
export function extendVocabulary(
  model: Model,
  tokenizerJson: unknown,
  texts: Iterable<string>,
  options: ExtendOptions,
): Extended {
  const file = WordPieceFile.safeParse(tokenizerJson)
  const unchanged = { model, tokenizerJson, words: [] }
  if (!file.success || options.most === 0) return unchanged
  const tokenizer = new Tokenizer(file.data, {})
  const piecesOf = (word: string) => tokenizer.encode(word, { add_special_tokens: false }).ids
  const counts = new Map<string, number>()
  for (const text of texts) {
    const words = tokenizer.pre_tokenizer?.pre_tokenize(tokenizer.normalizer?.normalize(text) ?? text) ?? []
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  const { vocab } = file.data.model
  const frequent = [...counts]
    .filter(([word, count]) => count >= options.minFrequency && !Object.hasOwn(vocab, word))
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, options.most)
  if (frequent.length === 0) return unchanged

  const words = frequent.map(([word]) => word)
  const firstId = Object.values(vocab).reduce((most, id) => Math.max(most, id), -1) + 1
  const table = wordTable(model, firstId)
  const extended = { ...vocab, ...Object.fromEntries(words.map((word, at) => [word, firstId + at])) }
  const grown = withRows(table, firstId, words.map(piecesOf))
  const initializers = new Map(model.graph.initializers).set(table.name, grown)
  return {
    model: { ...model, graph: { ...model.graph, initializers } },
    tokenizerJson: { ...file.data, model: { ...file.data.model, vocab: extended } },
    words,
  }
}

type Table = Tensor & { readonly type: 'float32' }

/** The table [rows, width] that is gathered with `input_ids`, with a row for each known id. */
function wordTable(model: Model, vocabularySize: number): Table {
  const { nodes, initializers } = model.graph
  const ids = new Set(['input_ids'])
  for (const { op, inputs, outputs } of nodes) {
    if (op === 'Cast' && ids.has(inputs[0] ?? '')) ids.add(outputs[0] ?? '')
    const table = initializers.get(inputs[0] ?? '')
    if (op !== 'Gather' || !ids.has(inputs[1] ?? '')) continue
    if (table?.type === 'float32' && table.dims.length === 2 && (table.dims[0] ?? 0) >= vocabularySize) return table
  }
  throw new DriftlineError('MODEL_INVALID', { reason: 'no float32 table is looked up with the token ids' })
}

/** Rows from `firstId` on become the means of the given rows; the table grows when it must. */
function withRows(table: Table, firstId: number, pieces: readonly (readonly number[])[]): Table {
  const [rows = 0, width = 0] = table.dims
  const needed = Math.max(rows, firstId + pieces.length)
  const data = new Float32Array(needed * width)
  data.set(table.data)
  for (const [at, ids] of pieces.entries()) {
    const row = data.subarray((firstId + at) * width, (firstId + at + 1) * width).fill(0)
    for (const id of ids) {
      for (let column = 0; column < width; column++) {
        row[column] = (row[column] ?? 0) + (table.data[id * width + column] ?? 0) / ids.length
      }
    }
  }
  return { ...table, dims: [needed, width], data }
}
