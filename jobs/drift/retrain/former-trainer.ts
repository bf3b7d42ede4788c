import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../../core/clock.ts'

const fileName = 'trainer.pid'
const everyMs = 20
/** It ends itself within a tenth of a second once it is loaded; a number that stays this long belongs to somebody else by now. */
const longestMs = 30_000

/** Written by the parent at once, before the trainer has run a line. @param root folder of all retrainings on this machine */
export const noteTrainer = (root: string, pid: number): void => writeFileSync(join(root, fileName), String(pid))

/**
 * Waits for the trainer of a parent that was killed. It ends itself, but on a busy machine it may be loading for longer
 * than a lease lasts: at load 50, one in 25 trainers met its successor before this was asked.
 */
export async function formerTrainerEnded(root: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const pid = noted(root)
  for (let waitedMs = 0; pid !== undefined && isTrainer(pid) && waitedMs < longestMs; waitedMs += everyMs) {
    await clock.sleep(everyMs, signal)
  }
}

function noted(root: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(root, fileName), 'utf8'))
    return Number.isInteger(pid) && pid > 0 ? pid : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Where the system tells what a process runs (Linux), another one that got its number is not waited for. */
function isTrainer(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('retrain/trainer/main')
  } catch {
    return process.platform !== 'linux' // on Linux it ended just now
  }
}
