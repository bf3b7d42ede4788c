import { beforeAll, describe, expect, test } from 'vitest'
import { selectBackend } from '../backends/select.ts'
import { testBackend } from '../backends/testing/backend.ts'
import { compile } from '../program.ts'
import * as tf from '../tf.ts'
import { fromTensor } from './host-tensor.ts'
import { kernelFor, kernels } from './index.ts'
import type { Case } from './testing/case.ts'
import { cases } from './testing/cases.ts'
import { type Answer, byOnnxruntime, byProgram, fedModel, feed, never, type OneNode } from './testing/one-node.ts'
import { upload } from './value.ts'

beforeAll(async () => {
  await selectBackend(testBackend)
})

/** The ends of the range in which a case means the same, and wherever between them another kernel takes over. */
const opsetsOf = ({ op, from = 11, to = 21 }: Case): number[] => [
  ...new Set([
    from,
    ...kernels.filter((it) => it.op === op && it.since > from && it.since <= to).map((it) => it.since),
    to,
  ]),
]

const at = (it: Case, opset: number): OneNode => ({
  op: it.op,
  opset,
  inputs: it.inputs,
  attributes: it.attributes ?? {},
  outputs: it.outputs ?? 1,
})

/** |a − b| ≤ 1e-5 · max(1, |b|); infinities and NaN have to be the same. */
function difference(ours: Answer, theirs: Answer): string | undefined {
  if (ours.dims.join() !== theirs.dims.join()) return `shape [${ours.dims}], not [${theirs.dims}]`
  for (const [index, expected] of theirs.values.entries()) {
    const value = ours.values[index] ?? Number.NaN
    if (Object.is(value, expected) || value === expected) continue
    if (!(Math.abs(value - expected) <= 1e-5 * Math.max(1, Math.abs(expected)))) {
      return `element ${index} is ${value}, not ${expected}`
    }
  }
  return undefined
}

describe.each(cases.map((it) => ({ name: `${it.op}: ${it.what}`, it })))('$name', ({ it }) => {
  test.each(opsetsOf(it))('agrees with onnxruntime at opset %i', async (opset) => {
    const one = at(it, opset)
    const theirs = await byOnnxruntime(one)
    for (const where of ['host', 'mixed', 'device'] as const) {
      const ours = byProgram(one, where)
      for (const [output, expected] of theirs.entries()) {
        expect(difference(ours[output] ?? never('an output'), expected), `${where}, output ${output}`).toBe(undefined)
      }
    }
  })

  const smooth = it.smooth ?? []
  test.runIf(smooth.length > 0).each(smooth)('input %i has the gradient of central differences', (input) => {
    const one = at(it, opsetsOf(it).at(-1) ?? never('an opset'))
    const program = compile(fedModel(one))
    const chosen = fromTensor(one.inputs[input] ?? never('the input')) ?? never('the input')
    /** Σ weight · output, with weights that differ from element to element. */
    const objective = (x: tf.Tensor): tf.Scalar => {
      const feeds = Object.fromEntries(
        one.inputs.flatMap((tensor, index) =>
          tensor === undefined ? [] : [[`in${index}`, index === input ? x : feed(tensor, 'mixed')]],
        ),
      )
      const outputs = program.run(feeds, new Map()).map((output) => {
        const weights = Float32Array.from({ length: output.size }, (_, index) => 1 + ((index * 7) % 5) / 4)
        return tf.sum(tf.mul(output, tf.tensor(weights, output.shape)))
      })
      return outputs.reduce((sum, each) => tf.add(sum, each)) as tf.Scalar
    }
    const gradient = tf.tidy(() => tf.grad(objective)(upload(chosen)).dataSync())
    const step = 2 ** -7
    const moved = (index: number, by: number): number =>
      tf.tidy(() => {
        const data = Float32Array.from(chosen.data, (value, each) => (each === index ? value + by : value))
        return objective(tf.tensor(data, [...chosen.dims])).dataSync()[0] ?? Number.NaN
      })
    for (const index of chosen.data.keys()) {
      const slope = (moved(index, step) - moved(index, -step)) / (2 * step)
      expect(Math.abs((gradient[index] ?? Number.NaN) - slope), `element ${index}`).toBeLessThan(
        4e-3 * Math.max(1, Math.abs(slope)),
      )
    }
  })
})

test('every kernel has a case in an opset where it is the one that runs', () => {
  const run = new Set(cases.flatMap((it) => opsetsOf(it).map((opset) => kernelFor('', it.op, opset))))
  expect(kernels.filter((kernel) => !run.has(kernel)).map(({ op, since }) => `${op} since ${since}`)).toEqual([])
})
