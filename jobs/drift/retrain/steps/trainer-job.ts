import { join } from 'node:path'
import type { StepContext } from '../context.ts'
import { jobFiles, type TrainerJob } from '../trainer/job.ts'
import { runTrainer } from '../trainer-process.ts'

const minuteMs = 60_000

/** Runs one task of the trainer on what `selecting` wrote. @throws DriftlineError as `runTrainer` does */
export async function runTask(context: StepContext, task: TrainerJob['task']): Promise<void> {
  const { config, registry, name, now, folder, signal, recipe = {}, tell, trainerStarts } = context
  const champion = await registry.open(name, now.champion)
  const job = {
    task,
    folder,
    champion: champion.path,
    name,
    checkId: now.checkId,
    seed: now.seed,
    workers: config.retrainWorkers,
    mostMs: config.retrainMaxMinutes * minuteMs,
    heldOutFromMs: Date.parse(now.data?.heldOutFrom ?? ''),
    ...(config.goldenSet === undefined ? {} : { goldenFile: config.goldenSet }),
    recipe,
    bounds: {
      goldenMargin: config.gateMargin,
      sliceRows: config.gateSliceRows,
      sliceMargin: config.gateMargin,
      maxEce: config.gateMaxEce,
      maxSlowdown: config.gateMaxSlowdown,
    },
  }
  let pid = 0
  await runTrainer({
    job,
    signal,
    onStart(started) {
      pid = started
      tell({ pid, phase: task === 'train' ? 'starting' : 'judging' })
      trainerStarts()
    },
    onProgress: (progress) => tell({ pid, ...progress }),
  })
}

export const trainedFolder = (folder: string): string => join(folder, jobFiles.trained)
export const judgedFolder = (folder: string): string => join(folder, jobFiles.judged)
