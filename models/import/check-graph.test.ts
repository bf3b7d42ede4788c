import { expect, test } from 'vitest'
import { checkGraph, type GraphPorts, type Port } from './check-graph.ts'

const ids = (name: string): Port => ({ name, type: 'int64', shape: ['batch', 'tokens'] })
const logits: Port = { name: 'logits', type: 'float32', shape: ['batch', 3] }
const good: GraphPorts = { inputs: [ids('input_ids'), ids('attention_mask')], outputs: [logits] }

test('a classifier tells its number of classes, where the graph says it', () => {
  expect(checkGraph(good)).toBe(3)
  expect(checkGraph({ ...good, outputs: [{ ...logits, shape: ['batch', 'classes'] }] })).toBeUndefined()
  expect(checkGraph({ inputs: [{ ...ids('input_ids'), shape: undefined }], outputs: [logits] })).toBe(3)
  expect(checkGraph({ ...good, outputs: [{ ...logits, name: 'hidden' }, logits] })).toBe(3)
})

test.each<[string, Partial<GraphPorts>, RegExp]>([
  ['another input', { inputs: [ids('input_ids'), ids('pixel_values')] }, /inputs pixel_values/],
  ['no token ids', { inputs: [ids('attention_mask')] }, /no input input_ids/],
  ['inputs of 32 bits', { inputs: [{ ...ids('input_ids'), type: 'int32' }] }, /int32, not int64/],
  [
    'a fixed batch',
    { inputs: [{ ...ids('input_ids'), shape: [1, 'tokens'] }] },
    /fixed to \[1, tokens\].*dynamic axes/,
  ],
  ['a flat input', { inputs: [{ ...ids('input_ids'), shape: ['tokens'] }] }, /1 dimensions/],
  ['no logits', { outputs: [{ ...logits, name: 'last_hidden_state' }] }, /only last_hidden_state/],
  ['logits in half precision', { outputs: [{ ...logits, type: 'float16' }] }, /float16, not float32/],
  ['a class per token', { outputs: [{ ...logits, shape: ['batch', 'tokens', 3] }] }, /token classifier/],
  ['logits of one row', { outputs: [{ ...logits, shape: [1, 3] }] }, /fixed to 1 rows/],
])('%s is refused', (_, difference, reason) => {
  expect(() => checkGraph({ ...good, ...difference })).toThrow(
    expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringMatching(reason) }),
  )
})
