import { z } from 'zod'
import { systemClock } from '../core/clock.ts'
import { type Random, seededRandom } from '../core/random.ts'
import { inTemporaryFolder, readOptions } from './frame.ts'
import { type Part, Rig } from './kill-rig.ts'

/** When a kill strikes: anywhere, while an insert is on its way, or while the victim recovers from the kill before. */
type Moment = 'anywhere' | 'insert' | 'recovery'

/** Aims at a recovery come most often: where cores are free, 49 of 80 were met, and 200 cycles have to meet more than 50. */
const aims: readonly Moment[] = [
  'insert',
  'recovery',
  'anywhere',
  'recovery',
  'insert',
  'recovery',
  'insert',
  'recovery',
]

const usage = `npm run bench -- kill [options]
  --cycles <n>   kills, one after the other, under load (default 200)
  --rate <n>     posts a second (default 3000)
  --seed <n>     what is killed, and when (default 1)
  --control      inserts are not guarded, so that posts must double: what is measured can be seen
  --keep         leave the data folder`

/** Linux only: it reads /proc. Kills parts at random moments under load, then compares the table with the log. */
export async function kill(args: readonly string[]): Promise<number> {
  const options = readOptions(args, usage, { cycles: 200, rate: 3000, seed: 1, control: false, keep: false })
  if (options === undefined) return 0
  const { cycles, control } = options
  const random = seededRandom(options.seed)
  const hits: Record<Moment, number> = { anywhere: 0, insert: 0, recovery: 0 }
  let kills = 0
  const inFolder = async (folder: string): Promise<number> => {
    const rig = new Rig(folder, { rate: options.rate, control })
    try {
      rig.start()
      for (let cycle = 0; cycle < cycles; cycle++) {
        const { victim, moment } = await strike(rig, aims[cycle % aims.length] ?? 'anywhere', random)
        hits[moment]++
        kills += moment === 'recovery' ? 2 : 1
        process.stderr.write(`\rcycle ${cycle + 1}/${cycles}: ${victim}, ${moment}`.padEnd(48))
      }
      process.stderr.write('\nlast kill done, draining the log\n')
      await rig.healthy()
      await rig.stop()
      const verdict = await compare(rig)
      const report = { cycles, kills, moments: hits, control, ...verdict }
      process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
      return verdict.whole === !control ? 0 : 1
    } finally {
      await rig.stop()
    }
  }
  return inTemporaryFolder(inFolder, options.keep)
}

/** One cycle. Says what it truly hit: a moment that was not reached in time counts as `anywhere`. */
async function strike(rig: Rig, aim: Moment, random: Random): Promise<{ victim: Part; moment: Moment }> {
  const pick = (from: readonly Part[]): Part => from[Math.floor(random() * from.length)] ?? 'score'
  await rig.healthy()
  await systemClock.sleep(random() * 400)
  switch (aim) {
    case 'anywhere': {
      const victim = pick(['score', 'store', 'ingest', 'up'])
      await rig.kill(victim)
      return { victim, moment: 'anywhere' }
    }
    case 'insert': {
      const victim = pick(['score', 'store', 'up'])
      if (victim === 'store') {
        const inside = await rig.untilInserting()
        await rig.kill(victim)
        return { victim, moment: inside ? 'insert' : 'anywhere' }
      }
      // A client is killed while its inserts are sent and unanswered; the store then goes on with those of a dead writer.
      const { working, thaw } = await rig.freezeStore()
      await rig.kill(victim)
      thaw()
      return { victim, moment: working ? 'insert' : 'anywhere' }
    }
    case 'recovery': {
      const victim = pick(['score', 'store', 'up'])
      const before = await rig.pid(victim)
      await rig.kill(victim)
      await rig.reborn(victim, before)
      await systemClock.sleep(random() * 500)
      const recovered = victim === 'store' ? await rig.answering() : await rig.scoring()
      await rig.kill(victim)
      return { victim, moment: recovered ? 'anywhere' : 'recovery' }
    }
  }
}

const Verification = z.object({ ok: z.boolean(), gaps: z.number(), duplicates: z.number() }).loose()

/** Scores what is left, then asks `driftline verify`, and the demo's own numbering: its ids count from 0 without a gap. */
async function compare(rig: Rig) {
  const drained = await rig.driftline('score', '--until-end')
  if (drained.code !== 0) throw new Error(`score --until-end failed: ${drained.stderr}`)
  const verify = await rig.driftline('verify', '--json')
  const verification = Verification.parse(JSON.parse(verify.stdout))
  const ids = await rig.driftline(
    'sql',
    `SELECT count() AS posts, uniqExact(post_id) AS ids, max(toUInt64(extract(post_id, '[0-9]+$'))) + 1 AS made FROM scores`,
    '--format',
    'JSONEachRow',
  )
  const {
    posts,
    ids: distinct,
    made,
  } = z
    .object({ posts: z.coerce.number(), ids: z.coerce.number(), made: z.coerce.number() })
    .parse(JSON.parse(ids.stdout))
  const whole = verification.ok && verify.code === 0 && posts === made && distinct === made
  return { whole, posts, lostByIngest: made - distinct, doubledByIngest: posts - distinct, verification }
}
