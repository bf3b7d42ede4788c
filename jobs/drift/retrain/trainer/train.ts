import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../../../core/clock.ts'
import { backendFor } from '../../../../training/backends/select.ts'
import { trainModel } from '../../../../training/train-model.ts'
import { jobFiles, type TrainerJob, type TrainerMessage } from './job.ts'

export interface Telling {
  readonly clock: Clock
  readonly onProgress: (progress: Extract<TrainerMessage, { progress: unknown }>['progress']) => void
}

/** A word of a changed vocabulary gets a piece of its own once so many of the labelled posts have it. */
const newWords = { most: 200, minFrequency: 5 }
const tellEveryMs = 500

/** Trains `trained/` from the champion; what an attempt before left there is removed first. */
export async function train(job: TrainerJob, { clock, onProgress }: Telling): Promise<void> {
  const out = join(job.folder, jobFiles.trained)
  await rm(out, { recursive: true, force: true })
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), job.mostMs)
  let toldMs = 0
  try {
    await trainModel({
      labels: join(job.folder, jobFiles.posts),
      from: { base: job.champion },
      out,
      name: job.name,
      lineage: job.checkId === '' ? {} : { checkId: job.checkId },
      holdOut: { fromMs: job.heldOutFromMs },
      evaluate: [],
      pretrain: undefined,
      teachers: [],
      replay: undefined,
      newWords,
      recipe: Object.fromEntries(Object.entries(job.recipe).filter(([, value]) => value !== undefined)),
      variants: ['int8'],
      backend: 'auto',
      workers: backendFor('auto') === 'tensorflow' ? 1 : job.workers, // it has threads of its own, or a GPU
      seed: job.seed,
      clock,
      signal: stop.signal,
      onPhase: (phase) => onProgress({ phase }),
      onProgress({ epoch, step, totalSteps, remainingMs }) {
        if (clock.now() - toldMs < tellEveryMs) return
        toldMs = clock.now()
        onProgress({ phase: 'training', epoch, step, totalSteps, remainingMs })
      },
    })
  } finally {
    clearTimeout(timer)
  }
}
