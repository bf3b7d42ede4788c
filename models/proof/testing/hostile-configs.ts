import type { Draft, Recipe } from './recipe.ts'

const recipe = (name: string, make: (config: Record<string, unknown>) => unknown): Recipe => ({
  group: 'config.json',
  name,
  refused: ['MODEL_INVALID'],
  make: (draft) => {
    const config = JSON.parse(Buffer.from(draft.files.get('config.json') ?? []).toString('utf8'))
    set(draft, make(config))
  },
})

const set = (draft: Draft, value: unknown): void =>
  void draft.files.set('config.json', Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))

const labels = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, id) => [String(id), `class ${id}`]))

export const configs: readonly Recipe[] = [
  recipe('a gap in id2label', (config) => ({ ...config, id2label: { 0: 'a', 1: 'b', 3: 'c' } })),
  recipe('two classes of one name', (config) => ({ ...config, id2label: { 0: 'a', 1: 'a', 2: 'c' } })),
  recipe('one class', (config) => ({ ...config, id2label: { 0: 'a' } })),
  recipe('a class too many', (config) => ({ ...config, id2label: labels(4) })),
  recipe('a class too few', (config) => ({ ...config, id2label: labels(2) })),
  recipe('9,000 classes', (config) => ({ ...config, id2label: labels(9000) })),
  recipe('classes that are numbers', (config) => ({ ...config, id2label: { 0: 1, 1: 2, 2: 3 } })),
  recipe('no classes', ({ id2label: _, ...config }) => config),
  recipe('ids with signs', (config) => ({ ...config, id2label: { '+0': 'a', '-1': 'b', '1e3': 'c' } })),
  recipe('brackets 100,000 deep', () => `${'['.repeat(100_000)}${']'.repeat(100_000)}`),
  recipe('a million empty arrays', (config) => ({ ...config, x: Array.from({ length: 1_000_000 }, () => []) })),
  recipe('12 MB of text', (config) => ({ ...config, x: 'x'.repeat(12 * 2 ** 20) })),
  recipe('padding with an id that is none', (config) => ({ ...config, pad_token_id: 2 ** 31 })),
  recipe('padding with text', (config) => ({ ...config, pad_token_id: 'PAD' })),
  recipe('no JSON', () => '{"id2label": {"0": "a",'),
  recipe('another encoding', () => '\ufeff\ud800'),
  recipe('an array', () => []),
]
