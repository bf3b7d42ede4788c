import { systemClock } from '../core/clock.ts'
import { seededRandom } from '../core/random.ts'
import type { BackendName } from '../training/backends/backend.ts'
import type { Example } from '../training/data-batches.ts'
import { fineTune } from '../training/finetune.ts'
import { createTrainer } from '../training/parallel/create-trainer.ts'
import { recipes } from '../training/recipe.ts'
import type { Layers } from '../training/trainable.ts'
import { best, encoder, print, randomIds, row, torchSteps, type Work } from './train-rig.ts'

const heads = [
  'encoder',
  'tokens',
  'trained      ',
  'seconds',
  'posts/s',
  'CPU s',
  'PyTorch s',
  'CPU s',
  'ratio',
  'of CPU',
]
const epochs = 3

export interface FrozenOptions {
  readonly posts: number
  readonly workers: number
  readonly backend: BackendName
  readonly python: string | undefined
}

/** Prints, for each encoder, what a whole fine-tuning takes with fewer and fewer layers in training. */
export async function frozenLayers(works: readonly (readonly [string, Work])[], options: FrozenOptions): Promise<void> {
  const { posts, workers, python } = options
  print(
    `\n${epochs} passes over ${posts} posts, ${workers} workers, from the graph to the new weights; PyTorch trains everything`,
  )
  print(heads.join('  '))
  for (const [shape, work] of works) {
    const steps = epochs * Math.ceil(posts / work.rows)
    const theirs = python === undefined ? undefined : await torchSteps(python, work, workers, 10)
    const torch = theirs && { seconds: (best(theirs.ms) * steps) / 1000, cpu: (best(theirs.cpu) * steps) / 1000 }
    for (const layers of [2, 1, 'head'] as const) {
      if (typeof layers === 'number' && layers >= work.layers) continue
      const { seconds, cpu } = await fineTuning(work, layers, options)
      const trained = typeof layers === 'number' ? `last ${layers}, head` : layers
      const cells = [
        shape,
        String(work.tokens),
        trained,
        seconds.toFixed(1),
        ((epochs * posts) / seconds).toFixed(0),
        cpu.toFixed(1),
        ...(torch === undefined
          ? ['–', '–', '–', '–']
          : [
              torch.seconds.toFixed(1),
              torch.cpu.toFixed(1),
              (torch.seconds / seconds).toFixed(2),
              (torch.cpu / cpu).toFixed(2),
            ]),
      ]
      print(row(cells, heads))
    }
  }
}

/** Seconds, and those of the processors, of all of it: the frozen layers, the start of the workers, the steps. */
async function fineTuning(work: Work, layers: Layers, { posts, workers, backend }: FrozenOptions) {
  const random = seededRandom(3)
  const model = encoder(work, random)
  const train = Array.from(
    { length: posts },
    (_, index): Example => ({ ids: randomIds(work.tokens, random), label: index % 3 }),
  )
  const start = performance.now()
  const before = process.cpuUsage()
  await fineTune({
    model,
    labels: ['a', 'b', 'c'],
    train,
    validation: [],
    form: { inputs: ['input_ids', 'attention_mask'], padId: 0, unknownId: 1 },
    recipe: { ...recipes.encoder, layers, epochs, batchSize: work.rows },
    backend,
    workers,
    createTrainer,
    random,
    clock: systemClock,
    signal: new AbortController().signal,
  })
  const { user, system } = process.cpuUsage(before)
  return { seconds: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 }
}
