import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { packageRoot } from '../core/package-root.ts'
import { type Random, seededRandom } from '../core/random.ts'
import type { BackendName } from '../training/backends/backend.ts'
import type { Model } from '../training/onnx/model.ts'
import { createTrainer } from '../training/parallel/create-trainer.ts'
import type { Batch, Trainer } from '../training/parallel/trainer.ts'
import { transformer } from '../training/presets/transformer.ts'
import { trainableNames } from '../training/trainable.ts'

const vocabulary = 30_000
/** Ids are drawn from the first 4,000: texts of one subject use a small part of a vocabulary. */
const wordsInUse = 4000

/** An encoder and the batches it is trained on. */
export interface Work {
  readonly layers: number
  readonly width: number
  readonly heads: number
  readonly rows: number
  readonly tokens: number
}

/** @param shape layers x width, such as `2x128` */
export function workOf(shape: string, rows: number, tokens: number): Work {
  const [layers = 0, width = 0] = shape.split('x').map(Number)
  return { layers, width, heads: width / (width % 64 === 0 && width < 384 ? 64 : 32), rows, tokens }
}

export const encoder = ({ layers, width, heads, tokens }: Work, random: Random): Model =>
  transformer({ vocabulary, classes: 3, layers, width, heads, feedForward: 4 * width, positions: tokens }, random)

/** A trainer of everything in a new encoder of random numbers. */
export function openTrainer(work: Work, workers: number, backend: BackendName): Promise<Trainer> {
  const model = encoder(work, seededRandom(1))
  return createTrainer({ model, trainable: trainableNames(model, 'all'), backend, workers, optimiser: { clipNorm: 1 } })
}

export const randomIds = (length: number, random: Random): Int32Array =>
  Int32Array.from({ length }, () => 4 + Math.floor(random() * wordsInUse))

export function randomBatch(rows: number, tokens: number, random: Random): Batch {
  const dims = [rows, tokens]
  const ids = randomIds(rows * tokens, random)
  return {
    feeds: { input_ids: { dims, data: ids }, attention_mask: { dims, data: new Int32Array(ids.length).fill(1) } },
    labels: Int32Array.from({ length: rows }, () => Math.floor(random() * 3)),
  }
}

/** Wall and processor milliseconds of each step. */
export interface Times {
  readonly ms: number[]
  readonly cpu: number[]
}

/** PyTorch's steps, all parameters in training. */
export async function torchSteps(python: string, work: Work, threads: number, steps: number): Promise<Times> {
  const { layers, width, heads, rows, tokens } = work
  const numbers = [layers, width, heads, rows, tokens, threads, steps].map(String)
  const script = join(packageRoot, 'bench/train_torch.py')
  const { stdout } = await promisify(execFile)(python, [script, ...numbers])
  return z.object({ ms: z.array(z.number()), cpu: z.array(z.number()) }).parse(JSON.parse(stdout))
}

/** The quickest: whatever else the machine does only adds to it. */
export const best = (times: readonly number[]): number =>
  times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)

export const median = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN

export const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** Cells right-aligned under their heads. */
export const row = (cells: readonly string[], heads: readonly string[]): string =>
  cells.map((cell, at) => cell.padStart((heads[at] ?? '').length)).join('  ')
