import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../../core/clock.ts'
import { type ActiveState, activeStates } from './state.ts'
import { type Phase, RetrainingKillRig } from './testing/kill-rig.ts'

// `npm run bench -- drift-kill` does the same 50 times and in more phases.
test.skipIf(!existsSync('/proc/self/cmdline'))(
  'killed while it trains, while it judges and while it watches, the loop completes: one trainer at a time, nothing half done',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'driftline-retrain-kill-'))
    const rig = new RetrainingKillRig(folder)
    // Or a later one: a test that is not given the processor for long may be late.
    const until = async (aim: ActiveState) => {
      const aims: readonly Phase[] = activeStates.slice(activeStates.indexOf(aim))
      while (!aims.includes(await rig.phase())) await systemClock.sleep(5)
    }
    try {
      await rig.open()
      // A trainer for each try to train or to judge: the phase is written before its trainer is there.
      for (const [aim, trainers] of [
        ['training', 1],
        ['gating', 3],
        ['watching', 0],
      ] as const) {
        rig.start('60') // it does not come to the end of the last phase before it is killed
        await until(aim)
        while (rig.trainers.size < trainers && (await rig.phase()) === aim) await systemClock.sleep(5)
        await systemClock.sleep(200)
        await rig.kill()
        expect(await rig.contradictions()).toEqual([])
      }
      rig.start()
      // By its rows: a look at what it does now may come so late that it has begun the next one.
      let ends = await rig.ends()
      for (; Object.keys(ends).length === 0; ends = await rig.ends()) await systemClock.sleep(20)
      await rig.kill()
      expect(ends).toHaveProperty('done')
      expect(await rig.contradictions()).toEqual([])
      expect(rig.trainers.size).toBeGreaterThanOrEqual(3)
    } finally {
      await rig[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    }
  },
)
