import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { Clock } from '../../../core/clock.ts'

const fileName = 'trainer.pid'
const program = 'retrain/trainer/main'
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
  const runs = process.platform === 'linux' ? () => isSeen(root) : () => isThere(noted(root))
  for (let waitedMs = 0; runs() && waitedMs < longestMs; waitedMs += everyMs) await clock.sleep(everyMs, signal)
}

/** By what the system says of each process: a parent may be killed after it has started its trainer and before it has noted it. */
function isSeen(root: string): boolean {
  return readdirSync('/proc').some((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      return command.includes(program) && command.includes(join(root, sep))
    } catch {
      return false // it ended just now
    }
  })
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

function isThere(pid: number | undefined): boolean {
  if (pid === undefined) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
