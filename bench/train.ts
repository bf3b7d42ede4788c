import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { z } from 'zod'
import { packageRoot } from '../core/package-root.ts'
import { seededRandom } from '../core/random.ts'
import { createTrainer } from '../training/parallel/create-trainer.ts'
import type { Batch } from '../training/parallel/trainer.ts'
import { transformer } from '../training/presets/transformer.ts'

const help = `usage: npm run bench -- train [options]

  --shapes <list>   layers x width, default 2x128,4x256,6x384
  --tokens <list>   default 32,64
  --workers <list>  default 1,2,4; PyTorch runs with as many threads
  --rows <n>        default 32
  --steps <n>       measured steps, after two that are not; default 5
  --torch <python>  an interpreter with torch, to compare with
`

const vocabulary = 30_000
/** Ids are drawn from the first 4,000: texts of one subject use a small part of a vocabulary. */
const wordsInUse = 4000

interface Work {
  readonly layers: number
  readonly width: number
  readonly heads: number
  readonly rows: number
  readonly tokens: number
  readonly steps: number
}

/** One fine-tuning step of an encoder, all parameters in training: here on wasm, and in PyTorch on as many threads. */
export async function train(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      shapes: { type: 'string', default: '2x128,4x256,6x384' },
      tokens: { type: 'string', default: '32,64' },
      workers: { type: 'string', default: '1,2,4' },
      rows: { type: 'string', default: '32' },
      steps: { type: 'string', default: '5' },
      torch: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const counts = list(values.workers).map(Number)
  if (values.torch === undefined) print('PyTorch: not compared; pass --torch <python> with torch installed')
  print('encoder  tokens  workers   ms/step   tokens/s  speed-up   PyTorch ms   ratio   peak MB')
  for (const shape of list(values.shapes)) {
    const [layers = 0, width = 0] = shape.split('x').map(Number)
    for (const tokens of list(values.tokens).map(Number)) {
      const heads = width / (width % 64 === 0 && width < 384 ? 64 : 32)
      const work = { layers, width, heads, rows: Number(values.rows), tokens, steps: Number(values.steps) }
      await compare(shape, work, counts, values.torch)
    }
  }
  return 0
}

async function compare(shape: string, work: Work, counts: readonly number[], python: string | undefined) {
  let alone: number | undefined
  for (const workers of counts) {
    const ours = median(await ourSteps(work, workers))
    alone ??= ours
    const theirs = python === undefined ? undefined : median(await torchSteps(python, work, workers))
    const rate = (work.rows * work.tokens * 1000) / ours
    const peakMb = process.resourceUsage().maxRSS / 1024
    const columns = [
      shape.padEnd(7),
      String(work.tokens).padStart(7),
      String(workers).padStart(8),
      ours.toFixed(1).padStart(9),
      rate.toFixed(0).padStart(10),
      `${(alone / ours).toFixed(2)}×`.padStart(9),
      (theirs?.toFixed(1) ?? '–').padStart(12),
      (theirs === undefined ? '–' : (theirs / ours).toFixed(2)).padStart(7),
      peakMb.toFixed(0).padStart(9),
    ]
    print(columns.join(' '))
  }
}

async function ourSteps(work: Work, workers: number): Promise<number[]> {
  const { layers, width, heads, rows, tokens, steps } = work
  const random = seededRandom(1)
  const shape = { vocabulary, classes: 3, layers, width, heads, feedForward: 4 * width, positions: tokens }
  const model = transformer(shape, random)
  const trainable = [...model.graph.initializers.values()]
    .filter(({ name, type }) => type === 'float32' && /\.(weight|bias)$/.test(name))
    .map(({ name }) => name)
  const trainer = await createTrainer({ model, trainable, backend: 'wasm', workers, optimiser: { clipNorm: 1 } })
  try {
    const times: number[] = []
    for (let step = 0; step < steps + 2; step++) {
      const batch = randomBatch(rows, tokens, random)
      const start = performance.now()
      await trainer.step(batch, 1e-4)
      times.push(performance.now() - start)
    }
    return times.slice(2)
  } finally {
    await trainer.close()
  }
}

function randomBatch(rows: number, tokens: number, random: () => number): Batch {
  const dims = [rows, tokens]
  const ids = Int32Array.from({ length: rows * tokens }, () => Math.floor(random() * wordsInUse))
  return {
    feeds: { input_ids: { dims, data: ids }, attention_mask: { dims, data: new Int32Array(ids.length).fill(1) } },
    labels: Int32Array.from({ length: rows }, () => Math.floor(random() * 3)),
  }
}

async function torchSteps(python: string, work: Work, threads: number): Promise<number[]> {
  const { layers, width, heads, rows, tokens, steps } = work
  const numbers = [layers, width, heads, rows, tokens, threads, steps].map(String)
  const script = join(packageRoot, 'bench/train_torch.py')
  const { stdout } = await promisify(execFile)(python, [script, ...numbers])
  return z.array(z.number()).parse(JSON.parse(stdout))
}

const list = (value: string): string[] => value.split(',').filter((item) => item !== '')

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN

const print = (line: string): void => void process.stdout.write(`${line}\n`)
