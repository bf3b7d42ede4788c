import { seededRandom } from '../core/random.ts'
import type { BackendName } from '../training/backends/backend.ts'
import type { Trainer } from '../training/parallel/trainer.ts'
import { best, median, openTrainer, print, randomBatch, row, type Times, torchSteps, type Work } from './train-rig.ts'

const heads = [
  'encoder',
  'tokens',
  'workers',
  ' ms/step',
  ' median',
  'tokens/s',
  'speed-up',
  'cores',
  ' of it',
  'CPU ms',
  'PyTorch ms',
  'ratio',
  '  MB',
]
export const scalingHeads = heads.join('  ')

export interface ScalingOptions {
  readonly workers: number
  readonly steps: number
  readonly backend: BackendName
  readonly python: string | undefined
}

/**
 * Processor time of each worker until the compilers of Node have seen its loops: the first steps take three times as long.
 */
const warmUpMs = 4000

/** Prints the line of one encoder and number of workers. Memory is that of the process: give each line one of its own. */
export async function scaling(shape: string, work: Work, options: ScalingOptions): Promise<void> {
  const { workers, steps, python } = options
  const { times, peakMb } = await measured(work, options)
  const theirs = python === undefined ? undefined : best((await torchSteps(python, work, workers, steps * 2)).ms)
  const ours = best(times.shared.ms)
  const alone = best(times.alone.ms)
  const speedUp = alone / ours
  const cores = (workers * alone) / best(times.apart.ms)
  const cells = [
    shape,
    String(work.tokens),
    String(workers),
    ours.toFixed(1),
    median(times.shared.ms).toFixed(1),
    ((work.rows * work.tokens * 1000) / ours).toFixed(0),
    `${speedUp.toFixed(2)}×`,
    `${cores.toFixed(2)}×`,
    `${((100 * speedUp) / cores).toFixed(0)} %`,
    median(times.shared.cpu).toFixed(0),
    theirs?.toFixed(1) ?? '–',
    theirs === undefined ? '–' : (theirs / ours).toFixed(2),
    peakMb.toFixed(0),
  ]
  print(row(cells, heads))
}

const noTimes = (): Times => ({ ms: [], cpu: [] })

/**
 * One trainer with all the workers (`shared`), one with one worker (`alone`), and as many of those at once as there are
 * workers (`apart`), in turns.
 */
async function measured(work: Work, { workers, steps, backend }: ScalingOptions) {
  const random = seededRandom(2)
  const step = (trainer: Trainer) => trainer.step(randomBatch(work.rows, work.tokens, random), 1e-4)
  const shared = await openTrainer(work, workers, backend)
  const apart: Trainer[] = []
  try {
    const peakMb = await peakMemory(() => warmUp(workers, () => step(shared)))
    if (workers === 1) apart.push(shared)
    while (apart.length < workers) apart.push(await openTrainer(work, 1, backend))
    const [alone] = apart
    if (alone === undefined) throw new Error('no worker')
    if (workers > 1) await warmUp(workers, () => Promise.all(apart.map(step)))
    const times = { alone: noTimes(), apart: noTimes(), shared: noTimes() }
    for (let round = 0; round < steps; round++) {
      await timed(times.alone, () => step(alone))
      if (workers > 1) await timed(times.apart, () => Promise.all(apart.map(step)))
      if (workers > 1) await timed(times.shared, () => step(shared))
    }
    return { peakMb, times: workers > 1 ? times : { alone: times.alone, apart: times.alone, shared: times.alone } }
  } finally {
    for (const trainer of new Set([shared, ...apart])) await trainer.close()
  }
}

async function warmUp(workers: number, step: () => Promise<unknown>): Promise<void> {
  const before = process.cpuUsage()
  for (let steps = 0; steps < 2 || cpuMs(before) < workers * warmUpMs; steps++) await step()
}

async function timed({ ms, cpu }: Times, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now()
  const before = process.cpuUsage()
  await work()
  ms.push(performance.now() - start)
  cpu.push(cpuMs(before))
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

/** The most resident memory while the work runs, in MB. */
async function peakMemory(work: () => Promise<unknown>): Promise<number> {
  let peak = 0
  const look = (): void => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }
  const timer = setInterval(look, 20)
  try {
    await work()
    look()
  } finally {
    clearInterval(timer)
  }
  return peak / 2 ** 20
}
