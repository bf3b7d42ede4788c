import { Tokenizer } from '@huggingface/tokenizers'
import { mergePairs } from './merges.ts'

export interface WordPieceOptions {
  /** Entries of the vocabulary, special tokens included; fewer come out of a small corpus. */
  readonly vocabularySize: number
  /** A piece that would occur less often is not made; default 2. */
  readonly minFrequency?: number
  /** The most frequent characters (emoji too) that get a piece of their own; the rest is `[UNK]`; default 1,000. */
  readonly alphabetSize?: number
}

/** What a WordPiece tokenizer.json holds that a program may want to change: everything else is fixed. */
export interface WordPieceJson {
  readonly [key: string]: unknown
  readonly model: { readonly [key: string]: unknown; readonly vocab: Readonly<Record<string, number>> }
}

/** Ids 0 to 4, as in BERT's family: a padded id is 0, so a zeroed mask and a zeroed id mean the same. */
export const specialTokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const

/** Longer words become `[UNK]` as a whole; this is the Hugging Face library's own limit. */
const maxWordCharacters = 100

/**
 * Trains a WordPiece vocabulary: characters first, then the most frequent joined pairs, continuations marked `##`.
 * Lower-case and without accents; words are split at white space and punctuation exactly as the tokenizer will.
 *
 * @param texts already normalised as the model's manifest says
 * @returns contents of a Hugging Face tokenizer.json
 */
export function trainWordPiece(texts: Iterable<string>, options: WordPieceOptions): WordPieceJson {
  const { vocabularySize, minFrequency = 2, alphabetSize = 1000 } = options
  const words = countWords(texts)
  const alphabet = frequentCharacters(words, alphabetSize)
  const pieces: string[] = [...specialTokens]
  const ids = new Map<string, number>(pieces.map((piece, id) => [piece, id]))
  const idOf = (piece: string): number => {
    const known = ids.get(piece)
    if (known !== undefined) return known
    ids.set(piece, pieces.length)
    return pieces.push(piece) - 1
  }
  for (const character of alphabet) idOf(character)
  const corpus = words
    .map(([word, count]) => ({ characters: [...word], count }))
    .filter(({ characters }) => characters.length <= maxWordCharacters && characters.every((c) => alphabet.has(c)))
    .map(({ characters, count }) => ({
      symbols: characters.map((character, at) => idOf(at === 0 ? character : `##${character}`)),
      count,
    }))
  mergePairs(
    corpus,
    (left, right) => {
      const piece = `${pieces[left]}${pieces[right]?.slice(2)}` // the right one always continues a word
      return pieces.length >= vocabularySize && !ids.has(piece) ? undefined : idOf(piece)
    },
    minFrequency,
  )
  return wordPieceJson(pieces)
}

/** Distinct words with their counts, most frequent first and then by code units, so that ids do not depend on order. */
function countWords(texts: Iterable<string>): (readonly [string, number])[] {
  const { normalizer, pre_tokenizer } = new Tokenizer(wordPieceJson(specialTokens), {})
  if (normalizer === null || pre_tokenizer === null) throw new Error('the tokenizer came without its own steps')
  const counts = new Map<string, number>()
  for (const text of texts) {
    for (const word of pre_tokenizer.pre_tokenize(normalizer.normalize(text))) {
      counts.set(word, (counts.get(word) ?? 0) + 1)
    }
  }
  return [...counts].sort(byCountThenName)
}

function frequentCharacters(words: readonly (readonly [string, number])[], most: number): ReadonlySet<string> {
  const counts = new Map<string, number>()
  for (const [word, count] of words) {
    for (const character of word) counts.set(character, (counts.get(character) ?? 0) + count)
  }
  const kept = [...counts].sort(byCountThenName).slice(0, most)
  return new Set(kept.map(([character]) => character).sort())
}

const byCountThenName = (a: readonly [string, number], b: readonly [string, number]): number =>
  b[1] - a[1] || (a[0] < b[0] ? -1 : 1)

function wordPieceJson(pieces: readonly string[]): WordPieceJson {
  const special = (content: string, id: number) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })
  const marker = (id: string) => ({ SpecialToken: { id, type_id: 0 } })
  const sequence = (id: string, type_id = 0) => ({ Sequence: { id, type_id } })
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map(special),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [marker('[CLS]'), sequence('A'), marker('[SEP]')],
      pair: [marker('[CLS]'), sequence('A'), marker('[SEP]'), sequence('B', 1), marker('[SEP]')],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: maxWordCharacters,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
    },
  }
}
