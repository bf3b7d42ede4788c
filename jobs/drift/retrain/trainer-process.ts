import { type ChildProcess, fork } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Clock, systemClock } from '../../../core/clock.ts'
import { catalogue, DriftlineError, type ErrorCode } from '../../../core/errors.ts'
import { builtModule } from '../../../core/package-root.ts'
import { formerTrainerEnded, noteTrainer } from './former-trainer.ts'
import { jobFiles, type TrainerJob, TrainerMessage } from './trainer/job.ts'

export interface TrainerRun {
  readonly job: Omit<TrainerJob, 'parentPid'>
  /** Kills the trainer. */
  readonly signal: AbortSignal
  readonly clock?: Clock
  readonly onStart: (pid: number) => void
  readonly onProgress: (progress: Extract<TrainerMessage, { progress: unknown }>['progress']) => void
}

/** Training ends by itself at `job.mostMs`; calibration, certificate and gates come after it. This long after, it hangs. */
const graceMs = (job: TrainerRun['job']): number => job.mostMs + 10 * 60_000

/**
 * Runs one job of the trainer in a process of its own, at low priority, which is gone when this resolves or throws: killed
 * with the signal, when it takes too long, and by itself when this process dies.
 *
 * @throws DriftlineError of the trainer, or `TRAINING_FAILED` when it ended without a word; the signal's reason
 */
export async function runTrainer(run: TrainerRun): Promise<void> {
  const { job, signal, clock = systemClock, onStart, onProgress } = run
  signal.throwIfAborted()
  const root = dirname(job.folder)
  await formerTrainerEnded(root, clock, signal)
  const path = join(job.folder, jobFiles.job)
  await writeFile(path, JSON.stringify({ ...job, parentPid: process.pid } satisfies TrainerJob))
  const child = fork(builtModule(import.meta.url, './trainer/main'), [path], {
    env: withoutSecrets(process.env),
    execArgv: [],
    stdio: ['ignore', 2, 2, 'ipc'], // stdout is for data
  })
  if (child.pid !== undefined) noteTrainer(root, child.pid)
  const ended = endOf(child)
  const limit = new AbortController()
  const timer = clock.sleep(graceMs(job), AbortSignal.any([signal, limit.signal])).then(
    () => child.kill('SIGKILL'),
    () => child.kill('SIGKILL'), // it has ended, or the signal was aborted
  )
  let last: TrainerMessage | undefined
  child.on('message', (message) => {
    const parsed = TrainerMessage.parse(message)
    if ('progress' in parsed) onProgress(parsed.progress)
    else last = parsed
  })
  if (child.pid !== undefined) onStart(child.pid)
  const how = await ended
  limit.abort()
  await timer
  signal.throwIfAborted()
  if (last !== undefined && 'done' in last) return
  if (last !== undefined && 'failed' in last) {
    const { code, message } = last.failed
    throw new DriftlineError(isCode(code) ? code : 'TRAINING_FAILED', { reason: message })
  }
  throw new DriftlineError('TRAINING_FAILED', { reason: `the trainer's process ended with ${how}` })
}

const endOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`))
  })

/** It reads labelled posts and a graph: nothing there needs a password. */
function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/TOKEN|PASSWORD|SECRET|CREDENTIAL|_KEY/i.test(name)),
  )
}

const isCode = (code: string | undefined): code is ErrorCode => code !== undefined && Object.hasOwn(catalogue, code)
