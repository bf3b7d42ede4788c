import type { ErrorCode } from '../../../core/errors.ts'
import type { Random } from '../../../core/random.ts'
import type { Recipe } from './recipe.ts'

interface TokenizerJson extends Record<string, unknown> {
  readonly model: Record<string, unknown> & { readonly vocab: Record<string, number> }
  readonly added_tokens: readonly Record<string, unknown>[]
}

type Made = unknown

const recipe = (
  name: string,
  refused: readonly ErrorCode[],
  make: (tokenizer: TokenizerJson, random: Random) => Made,
  more: Partial<Pick<Recipe, 'mayPass' | 'costly'>> = {},
): Recipe => ({
  group: 'tokenizer.json',
  name,
  refused,
  ...more,
  make: (draft, random) => {
    const made = make(JSON.parse(Buffer.from(draft.files.get('tokenizer.json') ?? []).toString('utf8')), random)
    draft.files.set('tokenizer.json', Buffer.from(typeof made === 'string' ? made : JSON.stringify(made)))
  },
})

const invalid = (name: string, make: (tokenizer: TokenizerJson, random: Random) => Made): Recipe =>
  recipe(name, ['MODEL_INVALID'], make)

const splitBy = (pattern: string) => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Isolated',
  invert: false,
})

/** With a pre-tokenizer of its own: the library then works on every text. */
const withPattern = (pattern: string) => (tokenizer: TokenizerJson) => ({
  ...tokenizer,
  pre_tokenizer: splitBy(pattern),
})

const withVocabulary = (tokenizer: TokenizerJson, vocab: Record<string, unknown>) => ({
  ...tokenizer,
  model: { ...tokenizer.model, vocab: { ...tokenizer.model.vocab, ...vocab } },
})

const anyFault = ['MODEL_INVALID', 'MODEL_UNSAFE', 'MODEL_TOO_COSTLY'] as const

export const tokenizers: readonly Recipe[] = [
  recipe('a pattern that repeats a repetition', ['MODEL_UNSAFE'], withPattern('(a+)+$')),
  recipe('the same for letters', ['MODEL_UNSAFE'], withPattern('(?:\\p{L}+\\s?)*!')),
  recipe('the same with a count', ['MODEL_UNSAFE'], withPattern('(?:[a-z]{1,64}){2,}#')),
  recipe('the same in the normaliser', ['MODEL_UNSAFE'], (tokenizer) => ({
    ...tokenizer,
    normalizer: { type: 'Replace', pattern: { Regex: '(\\w|\\d)+((x+)+y)' }, content: '' },
  })),
  recipe('a pattern of the fourth power', ['MODEL_TOO_COSTLY'], withPattern('a*a*a*a*b'), { costly: true }),
  recipe('the same for one sign', ['MODEL_TOO_COSTLY'], withPattern('☃*☃*☃*☃*b'), { costly: true }),
  invalid('a pattern that is none', withPattern('(((')),
  invalid('brackets 100,000 deep', () => `${'['.repeat(100_000)}${']'.repeat(100_000)}`),
  invalid('objects 10,000 deep', () => `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`),
  invalid('five million empty arrays', (tokenizer) =>
    JSON.stringify({ ...tokenizer, x: 0 }).replace('"x":0', `"x":[${'[],'.repeat(4_999_999)}[]]`),
  ),
  invalid('70 MB of text', (tokenizer) => ({ ...tokenizer, x: 'x'.repeat(70 * 2 ** 20) })),
  recipe('an id of nine digits', anyFault, (tokenizer) => withVocabulary(tokenizer, { zzz: 999_999_999 })),
  recipe('an id past what a number holds', anyFault, (tokenizer) => withVocabulary(tokenizer, { zzz: 2 ** 60 })),
  recipe('ids below zero', anyFault, (tokenizer) => withVocabulary(tokenizer, { a: -5, the: -6 })),
  recipe('ids that are text', anyFault, (tokenizer) => withVocabulary(tokenizer, { a: '5', the: {} })),
  recipe('ids with fractions', anyFault, (tokenizer) => withVocabulary(tokenizer, { a: 5.5, the: 6.5 })),
  invalid('a vocabulary of another model', (tokenizer, random) => {
    const shift = 1000 + Math.floor(random() * 30_000)
    const vocab = Object.fromEntries(Object.entries(tokenizer.model.vocab).map(([word, id]) => [word, id + shift]))
    return { ...tokenizer, model: { ...tokenizer.model, vocab } }
  }),
  invalid('no model', ({ model: _, ...tokenizer }) => tokenizer),
  invalid('a model of an unknown type', (tokenizer) => ({ ...tokenizer, model: { type: 'Markov' } })),
  invalid('no vocabulary', (tokenizer) => ({ ...tokenizer, model: { ...tokenizer.model, vocab: null } })),
  invalid('a normaliser of an unknown type', (tokenizer) => ({
    ...tokenizer,
    normalizer: { type: 'Shell', run: 'id' },
  })),
  invalid('a pre-tokenizer that is a number', (tokenizer) => ({ ...tokenizer, pre_tokenizer: 7 })),
  recipe('a template that repeats the text', anyFault, (tokenizer) => ({
    ...tokenizer,
    post_processor: {
      type: 'TemplateProcessing',
      single: Array.from({ length: 64 }, () => ({ Sequence: { id: 'A', type_id: 0 } })),
      pair: [],
      special_tokens: {},
    },
  })),
  recipe('special tokens far out of the embedding', anyFault, (tokenizer) => ({
    ...tokenizer,
    post_processor: { type: 'BertProcessing', sep: ['[SEP]', 3], cls: ['[CLS]', 2] },
    added_tokens: tokenizer.added_tokens.map((token) => ({ ...token, id: Number(token.id) + 1_000_000 })),
    model: { ...tokenizer.model, vocab: { ...tokenizer.model.vocab, '[CLS]': 1_000_002, '[SEP]': 1_000_003 } },
  })),
  recipe(
    'names of the prototype',
    [...anyFault],
    (tokenizer) =>
      JSON.stringify({ ...tokenizer, x: 0 }).replace(
        '"x":0',
        '"__proto__":{"model":null},"constructor":{"prototype":{"encode":1}}',
      ),
    { mayPass: true },
  ),
  recipe('padding with an id of its own', anyFault, (tokenizer) => ({
    ...tokenizer,
    padding: { pad_id: 123_456_789, pad_token: '[PAD]' },
  })),
  recipe('merges that are none', anyFault, (tokenizer) => ({
    ...tokenizer,
    model: { type: 'BPE', vocab: tokenizer.model.vocab, merges: [1, null, 'a', ['a']], unk_token: '[UNK]' },
  })),
  recipe('scores that are none', anyFault, (tokenizer) => ({
    ...tokenizer,
    model: { type: 'Unigram', vocab: [['a', 'NaN'], ['b'], null], unk_id: 99 },
  })),
  recipe('a word of no end', anyFault, (tokenizer) => ({
    ...tokenizer,
    model: { ...tokenizer.model, max_input_chars_per_word: -1 },
  })),
  invalid('an array', () => []),
  invalid('text in another encoding', () => `{"model":"\ud800`),
]
