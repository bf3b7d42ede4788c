import { Tokenizer as Library } from '@huggingface/tokenizers'
import { z } from 'zod'
import { DriftlineError, messageOf } from '../core/errors.ts'
import { type BertPieces, bertPieces } from './bert-pieces.ts'

export interface Encoding {
  /** What the model is given, special tokens included; at least one. */
  readonly ids: readonly number[]
  /** How many of them are the unknown token. */
  readonly unknown: number
  /** Tokens were cut off at the end. */
  readonly truncated: boolean
}

export interface Tokenizer {
  /** For filling a batch up to its longest row. */
  readonly padId: number
  /** Ids are below this. */
  readonly vocabularySize: number
  /** `cached`: words are looked up, with the library's ids; `library`: every text goes through the library. */
  readonly path: 'cached' | 'library'
  /**
   * @param maxTokens longest result, special tokens included; a longer text is cut at its end
   */
  encode(text: string, maxTokens: number): Encoding
}

/** What is read of a tokenizer.json here; the library reads the rest. */
const TokenizerJson = z.looseObject({
  normalizer: z.looseObject({ type: z.string(), lowercase: z.boolean().optional() }).nullable(),
  pre_tokenizer: z.looseObject({ type: z.string() }).nullable(),
  padding: z.looseObject({ pad_id: z.int().nonnegative() }).nullish(),
  added_tokens: z.array(z.looseObject({ id: z.int().nonnegative(), content: z.string() })).default([]),
  model: z.looseObject({
    type: z.string().optional(),
    unk_token: z.string().nullish(),
    max_input_chars_per_word: z.int().positive().optional(),
    continuing_subword_prefix: z.string().optional(),
  }),
})

/** What is read of config.json or tokenizer_config.json here. */
const TokenizerConfig = z.looseObject({
  pad_token_id: z.int().nonnegative().nullish(),
  remove_space: z.boolean().nullish(),
  do_lowercase_and_remove_accent: z.boolean().nullish(),
})

const Vocabulary = z.record(z.string(), z.int().nonnegative())

export interface TokenizerOptions {
  /** `library` switches the cache off: it is how the two are compared. */
  readonly path?: 'library'
}

/**
 * @param json contents of tokenizer.json (Hugging Face format)
 * @param config contents of tokenizer_config.json and config.json, merged; may be empty
 * @throws DriftlineError `MODEL_INVALID` when the library cannot build a tokenizer from them
 */
export function createTokenizer(json: unknown, config: unknown = {}, options: TokenizerOptions = {}): Tokenizer {
  const parsed = parse(TokenizerJson, json, 'tokenizer.json')
  const settings = parse(TokenizerConfig, config, 'config.json')
  const library = build(parsed, settings)
  const idsOf = (text: string): number[] => library.encode(text, { add_special_tokens: false }).ids
  const { prefix, suffix } = specialTokens(library)
  const vocabulary: ReadonlyMap<string, number> = library.get_vocab()
  const unknownId = parsed.model.unk_token ? library.token_to_id(parsed.model.unk_token) : undefined
  const padId =
    parsed.padding?.pad_id ?? settings.pad_token_id ?? library.token_to_id('[PAD]') ?? library.token_to_id('<pad>') ?? 0
  const pieces = options.path === 'library' ? undefined : fastPath(parsed, settings, idsOf, unknownId)

  const encode = (text: string, maxTokens: number): Encoding => {
    const room = Math.max(0, maxTokens - prefix.length - suffix.length)
    const content = pieces === undefined ? idsOf(text) : pieces(text, room)
    const truncated = content.length > room
    if (truncated) content.length = room
    if (content.length + prefix.length + suffix.length === 0) content.push(unknownId ?? padId)
    let unknown = 0
    for (const id of content) if (id === unknownId) unknown++
    const ids = prefix.length + suffix.length === 0 ? content : [...prefix, ...content, ...suffix]
    return { ids, unknown, truncated }
  }
  const path = pieces === undefined ? 'library' : 'cached'
  let vocabularySize = 0
  for (const id of vocabulary.values()) vocabularySize = Math.max(vocabularySize, id + 1)
  return { padId, vocabularySize, path, encode }
}

type Parsed = z.infer<typeof TokenizerJson>
type Settings = z.infer<typeof TokenizerConfig>

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, file: string): z.infer<Schema> {
  const result = schema.safeParse(value)
  if (!result.success) throw new DriftlineError('MODEL_INVALID', { file, reason: z.prettifyError(result.error) })
  return result.data
}

function build(json: Parsed, config: Settings): Library {
  try {
    return new Library(json, config)
  } catch (error) {
    throw new DriftlineError('MODEL_INVALID', { file: 'tokenizer.json', reason: messageOf(error) }, { cause: error })
  }
}

/** What the post-processor puts before and after a text, seen by encoding a text with and without. */
function specialTokens(library: Library): { prefix: readonly number[]; suffix: readonly number[] } {
  const probe = 'a'
  const bare: readonly number[] = library.encode(probe, { add_special_tokens: false }).ids
  const full: readonly number[] = library.encode(probe).ids
  for (let start = 0; start + bare.length <= full.length; start++) {
    if (bare.every((id, index) => id === full[start + index])) {
      return { prefix: full.slice(0, start), suffix: full.slice(start + bare.length) }
    }
  }
  const reason = 'its post-processor changes the tokens of a text, not only what stands around them'
  throw new DriftlineError('MODEL_INVALID', { file: 'tokenizer.json', reason })
}

/** The cached path, where it gives the library's ids for every text; `undefined` where that is not certain. */
function fastPath(
  json: Parsed,
  config: Settings,
  idsOf: (text: string) => number[],
  unknownId: number | undefined,
): BertPieces | undefined {
  const vocabulary = Vocabulary.safeParse(json.model.vocab)
  const isBert =
    (json.model.type === undefined || json.model.type === 'WordPiece') &&
    (json.normalizer === null || json.normalizer.type === 'BertNormalizer') &&
    json.pre_tokenizer?.type === 'BertPreTokenizer'
  const rewritesText = config.remove_space === true || config.do_lowercase_and_remove_accent === true
  const addedAreWords = json.added_tokens.every(({ content }) => /^[!-~]+$/.test(content))
  if (!isBert || rewritesText || !addedAreWords || !vocabulary.success || unknownId === undefined) return undefined
  return bertPieces({
    idsOf,
    unknownId,
    vocabulary: new Map([
      ...Object.entries(vocabulary.data),
      ...json.added_tokens.map(({ content, id }) => [content, id] as const),
    ]),
    lowerCase: json.normalizer?.lowercase ?? false,
    prefix: json.model.continuing_subword_prefix ?? '##',
    maxWordLength: json.model.max_input_chars_per_word ?? 100,
    addedTokens: json.added_tokens.map(({ content }) => content),
  })
}
