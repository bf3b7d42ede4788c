import { systemClock } from '../core/clock.ts'
import { seededRandom } from '../core/random.ts'
import { type Phase, RetrainingKillRig } from '../jobs/drift/retrain/testing/kill-rig.ts'
import { inTemporaryFolder, readOptions } from './frame.ts'

const usage = `npm run bench -- drift-kill [options]
  --kills <n>  of the drift job (default 50)
  --seed <n>   of the moments (default 1)`

/** Of the kills, so many strike at any moment; the others soon after the next step, so that every phase is met, not mostly the training. */
const anywhere = 0.35
const longestWaitMs = 45_000

/**
 * Kills a drift job at random moments of check, retraining, gating and promotion, and lets the loop complete. The posts go
 * through the log and the real score job, and every verdict is the check's own.
 */
export async function driftKill(args: readonly string[]): Promise<number> {
  const options = readOptions(args, usage, { kills: 50, seed: 1 })
  if (options === undefined) return 0
  const { kills } = options
  const random = seededRandom(options.seed)
  return inTemporaryFolder(async (folder) => {
    const rig = new RetrainingKillRig(folder, { live: true })
    const met: Partial<Record<Phase, number>> = {}
    const contradictions = new Set<string>()
    try {
      await rig.open()
      for (let kill = 0; kill < kills; kill++) {
        rig.start()
        if (random() < anywhere) await systemClock.sleep(random() * 5000)
        else await nextStep(rig, random() ** 2 * 800)
        const phase = await rig.kill()
        met[phase] = (met[phase] ?? 0) + 1
        for (const found of await rig.contradictions()) contradictions.add(found)
        if (phase === 'between') await rig.resetChampion()
        process.stderr.write(`\rkill ${kill + 1}/${kills}: ${phase}`.padEnd(40))
      }
      process.stderr.write('\nlast kill done, the loop completes\n')
      const startedMs = systemClock.now()
      let ended = await runToTheEnd(rig)
      // What was under way may have begun from a champion that knows the new words already: then nothing better is to be had.
      for (let again = 0; ended !== 'done' && again < 2; again++) ended = await runToTheEnd(rig)
      for (const found of await rig.contradictions()) contradictions.add(found)
      const report = {
        kills,
        met,
        completed: ended,
        reason: (await rig.current())?.reason,
        completedInSeconds: Math.round((systemClock.now() - startedMs) / 1000),
        ends: await rig.ends(),
        trainers: rig.trainers.size,
        mostTrainersAtOnce: rig.mostTrainers,
        contradictions: [...contradictions],
      }
      process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
      return ended === 'done' && contradictions.size === 0 ? 0 : 1
    } finally {
      await rig[Symbol.asyncDispose]()
    }
  })
}

/** Waits until the job has taken a step, and a moment longer. */
async function nextStep(rig: RetrainingKillRig, longerMs: number): Promise<void> {
  const at = async () => {
    const now = await rig.current()
    return now === null ? '' : `${now.id} ${now.step}`
  }
  const before = await at()
  const deadline = systemClock.now() + longestWaitMs
  while (systemClock.now() < deadline && (await at()) === before) await systemClock.sleep(5)
  await systemClock.sleep(longerMs)
}

async function runToTheEnd(rig: RetrainingKillRig): Promise<string> {
  if ((await rig.phase()) === 'between') await rig.resetChampion()
  rig.start()
  const ended = await complete(rig)
  await rig.kill()
  return ended
}

/** @returns how the first retraining that ends from now on ended */
async function complete(rig: RetrainingKillRig): Promise<string> {
  const before = await rig.current()
  const open = (await rig.phase()) !== 'between'
  for (const deadline = systemClock.now() + 10 * 60_000; systemClock.now() < deadline; ) {
    const now = await rig.current()
    if (now !== null && (open || now.id !== before?.id) && (await rig.phase()) === 'between') return now.state
    await systemClock.sleep(50)
  }
  return `${await rig.phase()} after 10 minutes`
}
