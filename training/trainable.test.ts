import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'
import { seededRandom } from '../core/random.ts'
import { parseModel } from './onnx/parse.ts'
import { convolution } from './presets/convolution.ts'
import { transformer } from './presets/transformer.ts'
import { trainableNames } from './trainable.ts'

const shape = { vocabulary: 20, classes: 2, width: 4 }
const encoder = transformer({ ...shape, layers: 3, heads: 2, feedForward: 8, positions: 8 }, seededRandom(1))

test('everything: all float parameters, no constants', () => {
  const names = trainableNames(encoder, 'all')
  expect(names).toContain('words.weight')
  expect(names).toContain('layer.0.query.weight')
  expect(names.filter((name) => name.startsWith('float_'))).toEqual([])
})

test('the head of an encoder is what follows its last layer', () => {
  const head = ['final_norm.weight', 'final_norm.bias', 'classifier.weight', 'classifier.bias']
  expect(trainableNames(encoder, 'head').sort()).toEqual(head.sort())
})

test('the last k layers come with the head and leave the others alone', () => {
  const layers = new Set(trainableNames(encoder, 2).map((name) => name.split('.').slice(0, 2).join('.')))
  expect([...layers].sort()).toEqual([
    'classifier.bias',
    'classifier.weight',
    'final_norm.bias',
    'final_norm.weight',
    'layer.1',
    'layer.2',
  ])
})

test('more layers than there are, or none that are numbered, is refused', () => {
  expect(() => trainableNames(encoder, 4)).toThrow(/number that many layers.*layers=3/)
  const flat = convolution({ ...shape, filters: 4, hidden: 4 }, seededRandom(1))
  expect(() => trainableNames(flat, 1)).toThrow(/layers=0/)
})

test('the head of a graph without layers is its hidden layer and its classifier', () => {
  const flat = convolution({ ...shape, filters: 4, hidden: 4 }, seededRandom(1))
  const head = ['hidden.weight', 'hidden.bias', 'classifier.weight', 'classifier.bias']
  expect(trainableNames(flat, 'head').sort()).toEqual(head.sort())
})

const exports = join(packageRoot, 'test/fixtures/hf-classifiers')
const files = readdirSync(exports).filter((name) => name.endsWith('.onnx'))

test.each(files)('%s: its head is the classifier, its last layer a whole layer', (name) => {
  const model = parseModel(readFileSync(join(exports, name)))
  const head = trainableNames(model, 'head')
  expect(head.filter((parameter) => !/classifier|pooler/.test(parameter))).toEqual([])
  expect(head).toHaveLength(4) // two dense layers
  const last = trainableNames(model, 1).length - head.length
  // attention: four matrices and their biases, a norm; then two and two and a norm
  if (!name.startsWith('albert')) expect(last).toBe(16)
  expect(trainableNames(model, 'all').length).toBeGreaterThan(last)
})
