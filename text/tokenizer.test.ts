import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTokenizer } from './tokenizer.ts'

const pieces = [
  ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
  ...'abcdefghijklmnopqrstuvwxyz0123456789!"#$%&\'()*+,-./:;<=>?@[]^_`{|}~'.split(''),
  ...'abcdefghijklmnopqrstuvwxyz0123456789'.split('').map((letter) => `##${letter}`),
  ...[
    'the',
    'good',
    'un',
    '##believ',
    '##able',
    'user',
    'http',
    '😂',
    '##😂',
    '日',
    '##é',
    'é',
    'σ',
    '##ς',
    '##σ',
    'ß',
    'A',
  ],
]

/** A BERT tokenizer over `pieces`. */
const bert = (normalizer: object | null, addedTokens: readonly string[] = []) => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [
    ...pieces.slice(0, 5).map((content, id) => ({ id, content, special: true, normalized: false })),
    ...addedTokens.map((content, index) => ({ id: pieces.length + index, content, special: false, normalized: true })),
  ],
  normalizer,
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: { type: 'BertProcessing', sep: ['[SEP]', 3], cls: ['[CLS]', 2] },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 12,
    vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
  },
})

const uncased = {
  type: 'BertNormalizer',
  clean_text: true,
  handle_chinese_chars: true,
  strip_accents: null,
  lowercase: true,
}
const cased = { ...uncased, lowercase: false, strip_accents: false }
const unclean = { ...uncased, clean_text: false, handle_chinese_chars: false }

const word = fc.constantFrom(
  ...['the', 'GOOD', 'unbelievable', 'Unbeliev', '@user', '#a', "don't", 'x'.repeat(13), 'a1b2', 'zzz', '!?!', '(the)'],
  ...[
    '😂',
    'a😂b',
    '日本',
    'éa',
    'e\u0301',
    '\u0301',
    'ΣΑΣ',
    'ΑΣ.',
    'ß',
    'İ',
    '\u0130x',
    'ﬁ',
    '\uFFFD',
    '\uD83D',
    '\uDE00',
    '\u200D',
  ],
  ...[
    '[MASK]',
    '[mask]',
    '[',
    'the[SEP]good',
    'Foo',
    'foobar',
    'FOO',
    '\u0000',
    '\u0007',
    'a\u0007b',
    '\u00AD',
    '\u{E0041}',
  ],
)
const gap = fc.constantFrom(' ', ' ', ' ', '  ', '\t', '\n', '\u00A0', '\u3000', '\u2028', '', '\u0085', '\u200B')
const texts = fc.oneof(
  fc.array(fc.tuple(word, gap), { maxLength: 12 }).map((parts) => parts.flat().join('')),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ maxLength: 60 }),
)

describe.each([
  ['uncased', bert(uncased)],
  ['cased', bert(cased)],
  ['without cleaning', bert(unclean)],
  ['without a normalizer', bert(null)],
  ['with added words', bert(uncased, ['foo', 'Foo', '##oo'])],
])('BERT %s', (_, json) => {
  const cached = createTokenizer(json)
  const library = createTokenizer(json, {}, { path: 'library' })

  test('the cached path gives the ids of the library, for any text', () => {
    expect([cached.path, library.path]).toEqual(['cached', 'library'])
    fc.assert(
      fc.property(texts, fc.integer({ min: 2, max: 30 }), (text, maxTokens) => {
        expect(cached.encode(text, maxTokens)).toEqual(library.encode(text, maxTokens))
        expect(cached.encode(text, maxTokens)).toEqual(library.encode(text, maxTokens)) // now from the cache
      }),
      { numRuns: 4_000 },
    )
  })
})

test('special tokens stand around the text, and a long text is cut to make room for them', () => {
  const tokenizer = createTokenizer(bert(uncased))
  const id = (piece: string) => pieces.indexOf(piece)
  expect(tokenizer.encode('The good 日!', 10)).toEqual({
    ids: [id('[CLS]'), id('the'), id('good'), id('日'), id('!'), id('[SEP]')],
    unknown: 0,
    truncated: false,
  })
  expect(tokenizer.encode('the good ☃ the', 5)).toEqual({
    ids: [id('[CLS]'), id('the'), id('good'), id('[UNK]'), id('[SEP]')],
    unknown: 1,
    truncated: true,
  })
  expect(tokenizer.encode('', 10).ids).toEqual([id('[CLS]'), id('[SEP]')])
  expect(tokenizer).toMatchObject({ padId: 0, vocabularySize: pieces.length })
})

test('without special tokens, a text without any token is one unknown token', () => {
  const tokenizer = createTokenizer({ ...bert(uncased), post_processor: null })
  expect(tokenizer.encode(' ', 10)).toEqual({ ids: [pieces.indexOf('[UNK]')], unknown: 1, truncated: false })
})

test('a pipeline that is not known to stop at spaces goes through the library', () => {
  const json = { ...bert(uncased), pre_tokenizer: { type: 'Whitespace' } }
  expect(createTokenizer(json).path).toBe('library')
  expect(createTokenizer(bert(uncased, ['two words'])).path).toBe('library')
  expect(createTokenizer(bert(uncased), { do_lowercase_and_remove_accent: true }).path).toBe('library')
})

test('what is no tokenizer is refused, naming the file', () => {
  expect(() => createTokenizer({ model: {} })).toThrow(/tokenizer\.json/)
  expect(() => createTokenizer(42)).toThrow(/tokenizer\.json/)
})
