import { z } from 'zod'
import { systemClock } from '../core/clock.ts'
import { type Random, seededRandom } from '../core/random.ts'
import { kafkaVersions } from '../test/kafka/classpath.ts'
import { inTemporaryFolder, oneOf, readOptions } from './frame.ts'
import { kafkaOutage } from './kafka-outage.ts'
import { KafkaRig } from './kafka-rig.ts'
import { machine } from './machine.ts'

const usage = `npm run bench -- kafka-faults [options]
  --rounds <n>    faults, one after the other, under load (default 50; 5 or fewer are short ones)
  --rate <n>      posts per second of the load (default 1000)
  --version <v>   of Kafka: ${kafkaVersions.join(', ')} (default the newest)
  --outage <s>    instead: 'driftline up' while its only broker is killed for so many seconds
  --seed <n>      which brokers and processes are hit (default 1)
  --keep          leave the folder with logs and tables`

/** Something that goes wrong. It resolves once it is over: from then on recovery is timed. */
type Fault = (rig: KafkaRig, random: Random) => Promise<void>

const pick = <Item>(items: readonly Item[], random: Random): Item => {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('nothing to choose from')
  return item
}

const killScorer: Fault = async (rig, random) => {
  const replica = pick(rig.scorers, random)
  await rig.killScorer(replica)
  rig.startScorer(replica)
}

const killIngest: Fault = async (rig) => {
  await rig.killIngest()
  rig.startIngest()
}

const killBroker =
  (awayMs: number): Fault =>
  async (rig, random) => {
    const broker = pick(rig.cluster.ids, random)
    await rig.cluster.kill(broker)
    await systemClock.sleep(awayMs)
    rig.cluster.startBroker(broker)
  }

const freezeBroker =
  (ms: number): Fault =>
  async (rig, random) => {
    const broker = pick(rig.cluster.ids, random)
    rig.cluster.freeze(broker)
    await systemClock.sleep(ms)
    rig.cluster.thaw(broker)
  }

const scaleTo =
  (count: number): Fault =>
  async (rig) => {
    await rig.scale(count)
  }

const storeAway =
  (ms: number): Fault =>
  async (rig) => {
    await rig.killStore()
    await systemClock.sleep(ms)
    rig.startStore()
  }

/** Everything of the old topic is scored first: what a deletion takes with it is not ours to save. */
const recreateTopic: Fault = async (rig) => {
  await rig.stopIngest()
  await rig.caughtUp(120_000)
  await rig.log.deleteTopic('posts')
  await rig.until(
    'the topic to be gone',
    30_000,
    async () => (await rig.log.topic('posts').catch(() => null)) === undefined,
  )
  await rig.log.createTopic('posts', rig.partitions)
  rig.startIngest()
  const halted = async () =>
    (await rig.statuses()).some(({ state, reason }) => state === 'halted' && reason !== undefined)
  await rig.until('the score processes to halt', 60_000, halted)
  const count = rig.scorers.length
  await rig.scale(0)
  await rig.scale(count, '--accept-recreated')
}

const short: readonly (readonly [string, Fault])[] = [
  ['kill a score process', killScorer],
  ['kill a broker, back after 3 s', killBroker(3000)],
  ['freeze a broker for 5 s', freezeBroker(5000)],
  ['scale to 2', scaleTo(2)],
  ['ClickHouse away for 5 s', storeAway(5000)],
]

const long: readonly (readonly [string, Fault])[] = [
  ['kill a score process', killScorer],
  ['scale to 4', scaleTo(4)],
  ['kill a broker, back after 10 s', killBroker(10_000)],
  ['freeze a broker for 5 s', freezeBroker(5000)],
  ['scale to 2', scaleTo(2)],
  ['kill ingest', killIngest],
  ['freeze a broker for 20 s', freezeBroker(20_000)],
  ['kill a score process', killScorer],
  ['ClickHouse away for 30 s', storeAway(30_000)],
  ['scale to 1', scaleTo(1)],
  ['freeze a broker for 60 s', freezeBroker(60_000)],
  ['scale to 3', scaleTo(3)],
  ['a recreated topic', recreateTopic],
]

const Verification = z.object({ ok: z.boolean(), gaps: z.number(), duplicates: z.number() }).loose()

/** Faults against real brokers under load; after each, the table is compared with the log. */
export async function kafkaFaults(args: readonly string[]): Promise<number> {
  const options = readOptions(args, usage, {
    rounds: 50,
    rate: 1000,
    version: kafkaVersions.at(-1) ?? '',
    outage: 0,
    seed: 1,
    keep: false,
  })
  if (options === undefined) return 0
  const { rounds, rate, outage } = options
  const version = oneOf(options.version, kafkaVersions)
  if (outage > 0) return kafkaOutage(version, outage, rate)
  const faults = rounds <= short.length ? short : long
  const random = seededRandom(options.seed)
  process.stdout.write(`${machine()}; bench kafka-faults ${args.join(' ')}; Kafka ${version}, three brokers\n`)
  let failed = 0
  const inFolder = async (folder: string): Promise<number> => {
    const rig = await KafkaRig.start({ folder, version, brokers: 3, rate })
    try {
      // Before the first posts there is nothing to lose: a fault then would pass in 0 s.
      await rig.until('rows of every partition', 180_000, async () => (await rig.positions())?.size === rig.partitions)
      await rig.caughtUp(180_000)
      for (let round = 0; round < rounds; round++) {
        const [name, fault] = faults[round % faults.length] ?? short[0] ?? pick(short, random)
        await fault(rig, random)
        const recoveredMs = await rig.caughtUp(180_000)
        const verdict = await verify(rig)
        const dead = rig.dead()
        const isWhole = verdict.ok && dead.length === 0
        if (!isWhole) failed++
        const line = `${name}: back after ${(recoveredMs / 1000).toFixed(1)} s; lost ${verdict.gaps}, doubled ${verdict.duplicates}`
        process.stdout.write(
          `${String(round + 1).padStart(3)} ${line}${isWhole ? '' : `  NOT OK ${dead.join(', ')} ${JSON.stringify(verdict)}`}\n`,
        )
      }
      const ids = await drained(rig)
      process.stdout.write(`${JSON.stringify({ rounds, failed, ...ids })}\n`)
      return failed === 0 && ids.lostByIngest === 0 && ids.doubledByIngest === 0 ? 0 : 1
    } finally {
      await rig[Symbol.asyncDispose]()
    }
  }
  return inTemporaryFolder(inFolder, options.keep)
}

async function verify(rig: KafkaRig) {
  const { stdout, stderr } = await rig.driftline('verify', '--json')
  try {
    return Verification.parse(JSON.parse(stdout))
  } catch (error) {
    throw new Error(`verify said nothing: ${stderr.slice(-2000)}`, { cause: error })
  }
}

/** The demo's own numbering says what ingest lost or doubled: its ids count from 0 without a gap. */
async function drained(rig: KafkaRig) {
  await rig.stopIngest()
  await rig.caughtUp(180_000)
  const sql = `SELECT count() AS posts, uniqExact(post_id) AS ids, max(toUInt64(extract(post_id, '[0-9]+$'))) + 1 AS made FROM scores`
  const { stdout } = await rig.driftline('sql', sql, '--format', 'JSONEachRow')
  const Count = z.object({ posts: z.coerce.number(), ids: z.coerce.number(), made: z.coerce.number() })
  const { posts, ids, made } = Count.parse(JSON.parse(stdout))
  return { posts, lostByIngest: made - ids, doubledByIngest: posts - ids }
}
