import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { seededRandom } from '../../core/random.ts'
import { node } from '../kernels/testing/one-node.ts'
import type { Model, Tensor } from '../onnx/model.ts'
import { convolution } from '../presets/convolution.ts'
import { finish } from './finish.ts'

/** Adds 2²⁴ + 1 − 2²⁴ in doubles to a logit: 1, but 0 in the float32 of TensorFlow.js. */
function beyondFloat32({ graph, ...rest }: Model): Model {
  const double = (name: string, value: number): Tensor => ({
    name,
    dims: [],
    type: 'float64',
    data: Float64Array.of(value),
  })
  const gate: Tensor = { name: 'gate', dims: [3], type: 'float32', data: Float32Array.of(1, 0, 0) }
  const added = [double('large', 2 ** 24 + 1), double('base', 2 ** 24), gate]
  const renamed = graph.nodes.map((each) => ({
    ...each,
    outputs: each.outputs.map((name) => (name === 'logits' ? 'exact' : name)),
  }))
  const nodes = [
    ...renamed,
    node('Sub', ['large', 'base'], ['gap']),
    node('Cast', ['gap'], ['one'], { to: 1n }),
    node('Mul', ['one', 'gate'], ['shift']),
    node('Add', ['exact', 'shift'], ['logits']),
  ]
  const initializers = new Map([...graph.initializers, ...added.map((tensor) => [tensor.name, tensor] as const)])
  return { ...rest, graph: { ...graph, nodes, initializers } }
}

test('where onnxruntime computes something else, the error names the first value that differs', async () => {
  const model = convolution({ vocabulary: 20, classes: 3, width: 4, filters: 4, hidden: 4 }, seededRandom(1))
  const random = seededRandom(3)
  const proof = Array.from({ length: 20 }, (_, row) => ({
    ids: Int32Array.from({ length: 3 + (row % 3) }, () => Math.floor(random() * 20)),
    label: row % 3,
  }))
  const out = mkdtempSync(join(tmpdir(), 'driftline-finish-'))
  const options = {
    labels: ['a', 'b', 'c'],
    form: { inputs: ['input_ids', 'attention_mask'], padId: 0, unknownId: 1 },
    calibration: proof,
    proof,
    backend: 'wasm',
    variants: [],
    out,
    clock: systemClock,
  } as const
  expect((await finish({ ...options, model })).certificate.passed).toBe(true)
  await expect(finish({ ...options, model: beyondFloat32(model) })).rejects.toMatchObject({
    code: 'CERTIFICATE_FAILED',
    details: { value: 'gap', op: 'Sub', ours: 0, theirs: 1, passed: false },
  })
  expect(readdirSync(out).sort()).toEqual(['certificate.json', 'model.onnx'])
})

test('where few posts are held out, the calibration posts judge the variants too', async () => {
  const model = convolution({ vocabulary: 20, classes: 3, width: 4, filters: 4, hidden: 4 }, seededRandom(1))
  const examples = Array.from({ length: 9 }, (_, row) => ({ ids: Int32Array.of(2, 5 + row, 3), label: row % 3 }))
  const { certificate } = await finish({
    model,
    labels: ['a', 'b', 'c'],
    form: { inputs: ['input_ids', 'attention_mask'], padId: 0, unknownId: 1 },
    calibration: examples.slice(0, 5),
    proof: examples.slice(4),
    backend: 'wasm',
    variants: ['int8'],
    out: mkdtempSync(join(tmpdir(), 'driftline-finish-')),
    clock: systemClock,
  })
  expect(certificate.comparisons.map(({ variant, rows }) => [variant, rows])).toEqual([
    ['fp32', 9],
    ['int8', 9],
  ])
})
