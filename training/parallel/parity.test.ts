import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { packageRoot } from '../../core/package-root.ts'
import { testBackend } from '../backends/testing/backend.ts'
import { parseModel } from '../onnx/parse.ts'
import { schedule } from '../schedule.ts'
import { createTrainer } from './create-trainer.ts'
import type { Batch } from './trainer.ts'

const folder = join(packageRoot, 'test/fixtures/training-parity')
const json = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'))
const integers = z.array(z.int())
const batches = z.array(z.object({ ids: integers, labels: integers })).parse(json('batches.json'))
const Trained = z.object({
  rows: z.int(),
  tokens: z.int(),
  padding: z.int(),
  types: z.boolean(),
  warmup: z.int(),
  recipe: z.object({
    learningRate: z.number(),
    beta1: z.number(),
    beta2: z.number(),
    epsilon: z.number(),
    weightDecay: z.number(),
    clipNorm: z.number(),
  }),
  losses: z.array(z.number()),
  norms: z.array(z.number()),
  parameters: z.array(z.object({ name: z.string(), length: z.int() })),
})
type Trained = z.infer<typeof Trained>

function batchOf({ ids, labels }: (typeof batches)[number], { rows, tokens, padding, types }: Trained): Batch {
  const dims = [rows, tokens]
  const feed = (data: Int32Array) => ({ dims, data })
  return {
    feeds: {
      input_ids: feed(Int32Array.from(ids, (id) => (id < 0 ? padding : id))),
      attention_mask: feed(Int32Array.from(ids, (id) => (id < 0 ? 0 : 1))),
      ...(types ? { token_type_ids: feed(new Int32Array(ids.length)) } : {}),
    },
    labels: Int32Array.from(labels),
  }
}

/** Trains as the recipe says and returns the furthest that losses (relatively) and parameters (by scale) are from PyTorch's. */
async function distance(family: string, workers: number, tableRows?: number) {
  const trained = Trained.parse(json(`${family}.json`))
  const { learningRate, ...optimiser } = trained.recipe
  const model = parseModel(readFileSync(join(folder, `../hf-classifiers/${family}.torchscript.onnx`)))
  const trainer = await createTrainer({
    model,
    trainable: trained.parameters.map(({ name }) => name),
    backend: testBackend,
    workers,
    optimiser,
    ...(tableRows === undefined ? {} : { tableRows }),
  })
  try {
    const factor = schedule({ totalSteps: batches.length, warmupSteps: trained.warmup, decay: 'linear' })
    let loss = 0
    let norm = 0
    for (const [index, batch] of batches.entries()) {
      const result = await trainer.step(batchOf(batch, trained), learningRate * factor(index))
      const expected = trained.losses[index] ?? Number.NaN
      loss = Math.max(loss, Math.abs(result.loss - expected) / expected)
      const expectedNorm = trained.norms[index] ?? Number.NaN
      norm = Math.max(norm, Math.abs(result.gradientNorm - expectedNorm) / expectedNorm)
    }
    return { loss, norm, parameters: furthest(trainer.parameters(), trained, family) }
  } finally {
    await trainer.close()
  }
}

function furthest(ours: ReadonlyMap<string, Float32Array>, { parameters }: Trained, family: string) {
  const bytes = readFileSync(join(folder, `${family}.bin`))
  const theirs = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
  let offset = 0
  let worst = { name: '', distance: 0 }
  for (const { name, length } of parameters) {
    const expected = theirs.subarray(offset, offset + length)
    const values = ours.get(name) ?? new Float32Array(0)
    const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const most = expected.reduce(
      (far, value, index) => Math.max(far, Math.abs((values[index] ?? Number.NaN) - value)),
      0,
    )
    if (!(most / scale <= worst.distance)) worst = { name, distance: most / scale }
    offset += length
  }
  return worst
}

describe.each(['bert', 'roberta', 'distilbert'])('50 steps of %s are those of PyTorch', (family) => {
  test.each([
    ['in this thread', 0, undefined],
    ['with one worker', 1, undefined],
    ['with four workers', 4, undefined],
    ['with the vocabulary as a table of rows, three workers', 3, 100],
  ])('%s', async (_, workers, tableRows) => {
    const { loss, norm, parameters } = await distance(family, workers, tableRows)
    expect(loss).toBeLessThan(1e-3)
    expect(norm).toBeLessThan(1e-3)
    expect(parameters.distance).toBeLessThan(1e-3)
  })
})
