import { readFile } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../../../core/clock.ts'
import { DriftlineError, messageOf } from '../../../../core/errors.ts'
import { builtModule } from '../../../../core/package-root.ts'
import { TrainerJob, type TrainerMessage } from './job.ts'

// The trainer's process: trains or judges one version, tells its parent how far it is, and ends.

const send = (message: TrainerMessage): Promise<void> =>
  new Promise((resolve) => (process.connected ? process.send?.(message, () => resolve()) : resolve()))

try {
  // Threads inherit it, so it comes first: scoring goes before training on a busy machine.
  setPriority(constants.priority.PRIORITY_LOW)
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  const job = TrainerJob.parse(JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')))
  new Worker(builtModule(import.meta.url, './watchdog'), { workerData: job.parentPid }).unref()
  const onProgress = (progress: Extract<TrainerMessage, { progress: unknown }>['progress']) => void send({ progress })
  // The runtimes take seconds to load on a busy machine: only once somebody watches the parent.
  const run = job.task === 'train' ? (await import('./train.ts')).train : (await import('./judge.ts')).judge
  await run(job, { clock: systemClock, onProgress })
  await send({ done: true })
} catch (error) {
  const code = error instanceof DriftlineError ? { code: error.code } : {}
  await send({ failed: { ...code, message: messageOf(error) } })
  process.exitCode = 1
} finally {
  process.removeAllListeners('disconnect')
  if (process.connected) process.disconnect()
}
process.exit() // threads of the runtimes may still be there
