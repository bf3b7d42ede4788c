import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../../core/clock.ts'
import { formerTrainerEnded, noteTrainer } from './former-trainer.ts'

const { signal } = new AbortController()

test.runIf(existsSync('/proc/self/cmdline'))(
  'a trainer whose parent could not note it is waited for, and that of another data folder is not',
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'driftline-former-'))
    const trainer = spawn(process.execPath, [
      ...['-e', `console.log('up'); setInterval(() => {}, 1000)`],
      ...['retrain/trainer/main.js', join(root, 'one/job.json')],
    ])
    try {
      await once(trainer.stdout, 'data')
      await formerTrainerEnded(`${root}-other`, systemClock, signal)
      let looks = 0
      const clock = {
        ...systemClock,
        async sleep() {
          if (++looks < 3) return
          const gone = once(trainer, 'exit')
          trainer.kill('SIGKILL')
          await gone
        },
      }
      await formerTrainerEnded(root, clock, signal)
      expect(looks).toBe(3)
      noteTrainer(root, process.pid) // a number that was given to somebody else
      await formerTrainerEnded(root, clock, signal)
      expect(looks).toBe(3)
    } finally {
      trainer.kill('SIGKILL')
      await rm(root, { recursive: true, force: true })
    }
  },
)
