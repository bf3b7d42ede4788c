import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../../core/clock.ts'
import { type Phase, RetrainingKillRig } from './testing/kill-rig.ts'

// `npm run bench -- drift-kill` does the same 50 times and in more phases.
test.skipIf(!existsSync('/proc/self/cmdline'))(
  'killed while it trains, while it judges and while it watches, the loop completes: one trainer at a time, nothing half done',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'driftline-retrain-kill-'))
    const rig = new RetrainingKillRig(folder)
    const until = async (aim: Phase) => {
      while ((await rig.phase()) !== aim) await systemClock.sleep(5)
    }
    try {
      await rig.open()
      for (const aim of ['training', 'gating', 'watching'] as const) {
        rig.start()
        await until(aim)
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
