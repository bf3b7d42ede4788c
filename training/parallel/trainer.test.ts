import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { testBackend } from '../backends/testing/backend.ts'
import { wasmHeap } from '../backends/wasm/memory.ts'
import type { Model } from '../onnx/model.ts'
import { transformer } from '../presets/transformer.ts'
import * as tf from '../tf.ts'
import { barrier } from './barrier.ts'
import { createTrainer } from './create-trainer.ts'
import { superviseWorker } from './thread-member.ts'
import type { Batch, Trainer, TrainerOptions } from './trainer.ts'

const vocabulary = 1500
const model = (): Model =>
  transformer(
    { vocabulary, classes: 3, layers: 1, width: 8, heads: 2, feedForward: 16, positions: 64 },
    seededRandom(1),
  )

/** As some exporters write it: the table is copied before it is looked up. */
const readThroughIdentity = ({ graph, ...rest }: Model): Model => {
  const copy = {
    name: 'copy',
    op: 'Identity',
    domain: '',
    inputs: ['words.weight'],
    outputs: ['words'],
    attributes: {},
  }
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((name) => (name === 'words.weight' ? 'words' : name)),
  }))
  return { ...rest, graph: { ...graph, nodes: [copy, ...nodes] } }
}

const open: Trainer[] = []
async function trainer(options: Partial<TrainerOptions> = {}): Promise<Trainer> {
  const made = model()
  const trainable = [...made.graph.initializers.keys()].filter((name) => /weight|bias/.test(name))
  const created = await createTrainer({ model: made, trainable, backend: testBackend, workers: 0, ...options })
  open.push(created)
  return created
}
afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})

function batch(seed: number, rows = 8, tokens = 6, words = vocabulary): Batch {
  const random = seededRandom(seed)
  const dims = [rows, tokens]
  const ids = Int32Array.from({ length: rows * tokens }, () => Math.floor(random() * words))
  return {
    feeds: { input_ids: { dims, data: ids }, attention_mask: { dims, data: new Int32Array(ids.length).fill(1) } },
    labels: Int32Array.from({ length: rows }, () => Math.floor(random() * 3)),
  }
}

async function steps(trained: Trainer, count: number): Promise<void> {
  for (let step = 0; step < count; step++) await trained.step(batch(step), 1e-2)
}

describe('sharing a batch', () => {
  test('the same workers give the same bytes', async () => {
    const [one, other] = [await trainer({ workers: 3 }), await trainer({ workers: 3 })]
    await steps(one, 6)
    await steps(other, 6)
    expect(one.parameters()).toEqual(other.parameters())
  })

  test('weights of rows and classes count as in the whole batch, also with fewer rows than workers', async () => {
    const options = { loss: { classWeights: [1, 2, 0.5], labelSmoothing: 0.1 } }
    const weighted: Batch = { ...batch(1, 3), weights: Float32Array.of(2, 0.1, 1) }
    const results = []
    for (const workers of [0, 2, 4]) results.push(await (await trainer({ ...options, workers })).step(weighted, 1e-2))
    for (const { loss, gradientNorm } of results) {
      expect(loss).toBeCloseTo(results[0]?.loss ?? 0, 6)
      expect(gradientNorm).toBeCloseTo(results[0]?.gradientNorm ?? 0, 5)
    }
  })

  test('evaluation returns the logits in the order of the rows', async () => {
    const { feeds } = batch(5, 7)
    const [alone, shared] = [await trainer(), await trainer({ workers: 3 })]
    const expected = await alone.evaluate(feeds)
    const logits = await shared.evaluate(feeds)
    expect(logits.length).toBe(21)
    for (const [index, value] of expected.entries()) expect(logits[index]).toBeCloseTo(value, 5)
  })
})

test('the cpu backend trains to the same weights as wasm', async () => {
  const byBackend = []
  for (const backend of ['cpu', 'wasm'] as const) {
    // a large epsilon: AdamW would make whole steps of the rounding noise that is the gradient of the key's bias
    const trained = await trainer({ backend, optimiser: { epsilon: 1e-3 } })
    expect(trained.backend).toBe(backend)
    await steps(trained, 4)
    byBackend.push(trained.parameters())
    await trained.close()
    open.pop()
  }
  const [cpu, wasm] = byBackend
  for (const [name, values] of cpu ?? []) {
    for (const [index, value] of values.entries()) expect(wasm?.get(name)?.[index]).toBeCloseTo(value, 4)
  }
})

describe('look-up tables', () => {
  const words = (trained: Trainer): Float32Array => trained.parameters().get('words.weight') ?? new Float32Array(0)

  test('a table gives what a dense parameter gives, decay of unused rows included', async () => {
    const [table, dense] = [await trainer({ tableRows: 100 }), await trainer({ tableRows: 1e9 })]
    await steps(table, 8)
    await steps(dense, 8)
    for (const [index, value] of words(dense).entries()) expect(words(table)[index]).toBeCloseTo(value, 6)
  })

  test.each(['as it is', 'through Identity'])(
    'of a real vocabulary, %s, learns the rows that a batch used, with the gradient of a dense parameter',
    async (way) => {
      const shape = { vocabulary: 30_522, classes: 3, layers: 1, width: 32, heads: 2, feedForward: 32, positions: 64 }
      const plain = transformer(shape, seededRandom(1))
      const made = way === 'as it is' ? plain : readThroughIdentity(plain)
      const trainable = [...made.graph.initializers.keys()].filter((name) => /weight|bias/.test(name))
      const options = { model: made, trainable, optimiser: { unusedRows: 'lazy', weightDecay: 0 } } as const
      const [table, dense] = [await trainer(options), await trainer({ ...options, tableRows: 1e9 })]
      const used = batch(4, 8, 12, shape.vocabulary)
      const before = words(table)
      const norms = []
      for (const each of [table, dense]) norms.push((await each.step(used, 1e-2)).gradientNorm)
      expect(norms[0]).toBeCloseTo(norms[1] ?? Number.NaN, 5)
      const [after, expected] = [words(table), words(dense)]
      const rows = new Set(used.feeds.input_ids?.data)
      const moved = new Set<number>()
      for (const [index, value] of after.entries())
        if (value !== before[index]) moved.add(Math.floor(index / shape.width))
      expect([...moved].sort()).toEqual([...rows].sort())
      // The first step of AdamW goes a whole learning rate along the sign of the gradient.
      expect(
        Math.max(...[...rows].map((row) => Math.abs((after[row * 32] ?? 0) - (before[row * 32] ?? 0)))),
      ).toBeCloseTo(1e-2, 4)
      for (const row of rows) {
        for (let at = row * 32; at < row * 32 + 32; at++) expect(after[at]).toBeCloseTo(expected[at] ?? Number.NaN, 4)
      }
    },
  )

  test('lazy rows: what no batch used stays as it was, byte for byte', async () => {
    const lazy = await trainer({ optimiser: { unusedRows: 'lazy', weightDecay: 0.5 } })
    const before = words(lazy)
    for (let step = 0; step < 3; step++) await lazy.step(batch(step, 8, 6, 100), 1e-2)
    expect(words(lazy).slice(100 * 8)).toEqual(before.slice(100 * 8))
    expect(words(lazy).slice(0, 100 * 8)).not.toEqual(before.slice(0, 100 * 8))
  })

  test('a batch that uses more rows than there was room for is done again with more room', async () => {
    const [table, dense] = [await trainer({ workers: 2 }), await trainer({ tableRows: 1e9 })]
    const large = batch(3, 64, 40)
    expect((await table.step(large, 1e-2)).gradientNorm).toBeCloseTo((await dense.step(large, 1e-2)).gradientNorm, 5)
  })

  test('weights that are put back are there again, those of sleeping rows included', async () => {
    const trained = await trainer()
    await steps(trained, 3)
    const best = trained.parameters()
    const logits = await trained.evaluate(batch(9).feeds)
    await steps(trained, 3)
    trained.restore(best)
    for (const [name, values] of best) {
      const now = trained.parameters().get(name)
      for (const [index, value] of values.entries()) expect(now?.[index]).toBeCloseTo(value, 6)
    }
    const again = await trained.evaluate(batch(9).feeds)
    for (const [index, value] of logits.entries()) expect(again[index]).toBeCloseTo(value, 5)
  })
})

const heapBytes = (): number => (testBackend === 'wasm' ? wasmHeap().HEAPU8.length : 0)

test('memory is flat: no step leaves a tensor behind', async () => {
  const trained = await trainer()
  await steps(trained, 3)
  const [tensors, bytes, heap] = [tf.memory().numTensors, tf.memory().numBytes, heapBytes()]
  await steps(trained, 100)
  await trained.evaluate(batch(0).feeds)
  expect([tf.memory().numTensors, tf.memory().numBytes, heapBytes()]).toEqual([tensors, bytes, heap])
})

describe('failures', () => {
  test('a loss that is no number names the step and the last good loss, and leaves the weights', async () => {
    const trained = await trainer({ workers: 2 })
    const { loss } = await trained.step(batch(0), 1e-2)
    const before = trained.parameters()
    const poisoned = { ...batch(1), weights: new Float32Array(8).fill(Number.NaN) }
    await expect(trained.step(poisoned, 1e-2)).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
      details: { step: 2, lastFiniteLoss: loss },
    })
    expect(trained.parameters()).toEqual(before)
    await trained.step(batch(2), 1e-2) // and training can go on
  })

  test('aborting ends the step in flight with the reason and the weights of the last whole step', async () => {
    const controller = new AbortController()
    const trained = await trainer({ workers: 2, signal: controller.signal })
    await trained.step(batch(0), 1e-2)
    const before = trained.parameters()
    const inFlight = trained.step(batch(1, 64, 60), 1e-2)
    controller.abort(new Error('enough'))
    await expect(inFlight).rejects.toThrow('enough')
    expect(trained.parameters()).toEqual(before)
    await expect(trained.step(batch(1), 1e-2)).rejects.toThrow('enough')
  })

  test('what fails in one worker is reported with its name, and nobody waits for ever', async () => {
    const trained = await trainer({ workers: 3 })
    const wrong = batch(0)
    wrong.feeds.input_ids?.data.set([vocabulary + 5], 1)
    await expect(trained.step(wrong, 1e-2)).rejects.toMatchObject({ code: 'MODEL_INVALID', details: { worker: 0 } })
    await trained.step(batch(1), 1e-2)
  })

  test('a thread that dies rejects what was asked of it, and all that is asked later', async () => {
    const script = `
      const { parentPort } = require('node:worker_threads')
      parentPort.postMessage({ kind: 'ready', backend: 'wasm' })
      parentPort.on('message', () => process.exit(3))`
    const { member } = await superviseWorker(new Worker(script, { eval: true }), 1)
    const failure = { code: 'TRAINING_FAILED', details: { worker: 1, code: 3 } }
    await expect(member.ask({ kind: 'invalidate' })).rejects.toMatchObject(failure)
    await expect(member.ask({ kind: 'invalidate' })).rejects.toMatchObject(failure)
  })

  test('an operator that is missing is reported with its own code from the worker', async () => {
    const { graph, ...rest } = model()
    const nodes = graph.nodes.map((node) => (node.op === 'Softmax' ? { ...node, op: 'NoSuchThing' } : node))
    const unknown = { ...rest, graph: { ...graph, nodes } }
    await expect(
      createTrainer({ model: unknown, trainable: ['classifier.weight'], backend: 'wasm', workers: 2 }),
    ).rejects.toMatchObject({ code: 'OPERATOR_UNSUPPORTED' })
  })

  test('memory that the backend does not have is an error, not a write to address 0', async () => {
    await trainer({ backend: 'wasm' })
    const heap = wasmHeap()
    const half = heap._malloc(2.2e9) // reserved, never touched; twice this is more than 32 bits can address
    expect(() => heap._malloc(2.2e9)).toThrow(expect.objectContaining({ code: 'TRAINING_MEMORY' }))
    heap._free(half)
  })

  test.skipIf(testBackend === 'tensorflow')('a backend that is not installed says what to install', async () => {
    await expect(trainer({ backend: 'tensorflow' })).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
  })
})

test('the barrier lets one thread alone pass', () => {
  const meeting = barrier(new Int32Array(new SharedArrayBuffer(8)), 1)
  meeting.wait()
  meeting.wait()
})
