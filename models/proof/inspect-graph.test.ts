import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DriftlineError } from '../../core/errors.ts'
import { packageRoot } from '../../core/package-root.ts'
import { checkGraph } from '../import/check-graph.ts'
import { inspectGraph } from './inspect-graph.ts'
import * as onnx from './testing/onnx-writer.ts'

const fixture = (...path: readonly string[]) => readFileSync(join(packageRoot, ...path))
const options = { file: 'model.onnx' }
const inspect = (file: Uint8Array) => inspectGraph(file, options)
const exports = readdirSync(join(packageRoot, 'test/fixtures/hf-classifiers')).filter((name) => name.endsWith('.onnx'))

test.each(exports)('the export %s of Hugging Face may run', (name) => {
  const facts = inspect(fixture('test/fixtures/hf-classifiers', name))
  expect(checkGraph(facts)).toBe(3)
  expect(facts.nodes).toBeGreaterThan(100)
})

test('a graph is told by its facts', () => {
  expect(inspect(fixture('test/fixtures/models/bag/model.onnx'))).toEqual({
    opsets: { '': 17 },
    nodes: 10,
    operators: ['Add', 'Cast', 'Div', 'Gather', 'MatMul', 'Max', 'Mul', 'ReduceSum', 'Unsqueeze'],
    weightBytes: expect.toSatisfy((bytes) => bytes > 9000 && bytes < 10_641),
    external: [],
    inputs: [
      { name: 'input_ids', type: 'int64', shape: ['batch', 'tokens'] },
      { name: 'attention_mask', type: 'int64', shape: ['batch', 'tokens'] },
    ],
    outputs: [{ name: 'logits', type: 'float32', shape: ['batch', 3] }],
  })
})

test('tensors in other files are told to an import, and refused to everybody else', () => {
  const graph = fixture('test/fixtures/models/external/model.onnx')
  expect(inspectGraph(graph, { ...options, external: 'allowed' }).external).toEqual(['package.json'])
  expect(() => inspect(graph)).toThrow(expect.objectContaining({ code: 'MODEL_UNSAFE' }))
})

test('whatever is done to a file, it is told what it is or refused with a code', () => {
  const graph = fixture('test/fixtures/models/encoder/model.onnx')
  const change = fc.record({ at: fc.nat(graph.length - 1), bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }) })
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(graph.length), (changes, length) => {
      const damaged = Uint8Array.from(graph)
      for (const { at, bytes } of changes) damaged.set(bytes.subarray(0, graph.length - at), at)
      try {
        inspect(damaged.subarray(0, length))
      } catch (error) {
        expect(error).toBeInstanceOf(DriftlineError)
        expect(error).toMatchObject({ code: expect.stringMatching(/^MODEL_(INVALID|UNSAFE)$/) })
      }
    }),
    { numRuns: 500 },
  )
})

describe('a constant must hold what its shape claims', () => {
  const holding = (tensor: Uint8Array) => onnx.model(onnx.graph({ nodes: [], constants: [tensor] }))
  const dims = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 })
  const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)

  test('as raw bytes', () => {
    fc.assert(
      fc.property(dims, fc.integer({ min: -8, max: 8 }), (shape, more) => {
        const bytes = Math.max(0, 4 * sizeOf(shape) + more)
        const file = holding(onnx.tensor({ name: 'c', dims: shape, raw: new Uint8Array(bytes) }))
        if (bytes === 4 * sizeOf(shape)) expect(inspect(file).weightBytes).toBe(bytes)
        else expect(() => inspect(file)).toThrow(/claims/)
      }),
    )
  })

  test('as numbers, packed or one by one', () => {
    const seven = onnx.varint(7)
    const of = (count: number, packed: boolean) =>
      packed
        ? [onnx.bytes(7, onnx.joined(Array.from({ length: count }, () => seven)))]
        : Array.from({ length: count }, () => onnx.number(7, 7))
    fc.assert(
      fc.property(dims, fc.integer({ min: 0, max: 3 }), fc.boolean(), (shape, more, packed) => {
        const size = sizeOf(shape)
        const tensor = { name: 'c', dims: shape, type: onnx.elementTypes.int64, more: of(size + more, packed) }
        if (more === 0) expect(inspect(holding(onnx.tensor(tensor))).weightBytes).toBe(8 * size)
        else expect(() => inspect(holding(onnx.tensor(tensor)))).toThrow(/claims/)
      }),
    )
  })
})
