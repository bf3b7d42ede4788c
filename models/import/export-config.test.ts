import { expect, test } from 'vitest'
import { maxTokensOf, withLabels } from './export-config.ts'

const three = { id2label: { 0: 'a', 1: 'b', 2: 'c' }, hidden_size: 32 }

test('classes stay as they are, or are renamed in the order of the logits', () => {
  expect(withLabels(three, undefined, 3)).toBe(three)
  expect(withLabels(three, ['x', 'y', 'z'], undefined)).toEqual({
    hidden_size: 32,
    id2label: { 0: 'x', 1: 'y', 2: 'z' },
    label2id: { x: 0, y: 1, z: 2 },
  })
})

test.each([
  ['too few names', three, ['x', 'y'], 3, /--labels names 2 classes and the graph has 3/],
  ['an id2label of another model', three, undefined, 2, /id2label names 3 classes and the graph has 2/],
  ['no names at all', {}, undefined, 2, /no id2label; name the classes with --labels/],
  [
    'several classes per text',
    { ...three, problem_type: 'multi_label_classification' },
    undefined,
    3,
    /one class per text/,
  ],
  ['a regression', { id2label: { 0: 'x' }, problem_type: 'regression' }, undefined, 1, /regression/],
])('%s: refused', (_, config, labels, classes, reason) => {
  expect(() => withLabels(config, labels, classes)).toThrow(
    expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringMatching(reason) }),
  )
})

test.each([
  ['nothing is said', {}, {}, 512],
  ['the tokenizer has no limit', {}, { model_max_length: 1e30 }, 512],
  ['the tokenizer has one', { max_position_embeddings: 512 }, { model_max_length: 128 }, 128],
  ['BERT has few positions', { model_type: 'bert', max_position_embeddings: 48, pad_token_id: 0 }, {}, 48],
  [
    'RoBERTa starts after the padding',
    { model_type: 'roberta', max_position_embeddings: 130, pad_token_id: 1 },
    {},
    128,
  ],
  ['XLNet counts no positions', { model_type: 'xlnet', max_position_embeddings: -1 }, {}, 512],
])('the longest input when %s', (_, config, tokenizerConfig, expected) => {
  expect(maxTokensOf(config, tokenizerConfig)).toBe(expected)
})
