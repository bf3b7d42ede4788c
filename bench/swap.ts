import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { systemClock } from '../core/clock.ts'
import { bundledName } from '../models/load-model.ts'
import type { Registry } from '../models/registry/registry.ts'
import { type Claim, inTemporaryFolder, print, readOptions } from './frame.ts'
import { SwapRig } from './swap-rig.ts'
import { until } from './until.ts'

const usage = `npm run bench -- swap [options]
  --count <n>      swaps, back and forth between two versions of the bundled model (default 100)
  --rate <n>       posts a second (default 2000)
  --workers <n>    inference threads of a version (default: one less than the cores)
  --exact          judge what must hold exactly, not times and memory, which a busy machine changes
  --json           print JSON`

const mostLatency = 1.1
const mostMemory = 1.05
const mostRollbackMs = 2000

/** Linux only: memory is read from /proc. */
export async function swap(args: readonly string[]): Promise<number> {
  const workers = Math.max(1, availableParallelism() - 1)
  const options = readOptions(args, usage, { count: 100, rate: 2000, workers, exact: false, json: false })
  if (options === undefined) return 0
  return inTemporaryFolder(async (folder) => {
    const rig = new SwapRig(folder, options.workers)
    try {
      const measured = await measure(rig, options.count, options.rate)
      const claims = judge(measured, options.count)
      print({ bench: 'swap', args, claims, measured, lines: describe(measured) }, options.json)
      return claims.every(({ holds, exact }) => holds || (options.exact && !exact)) ? 0 : 1
    } finally {
      await rig.stop()
    }
  })
}

/** JSON has no NaN, which is the quantile of no posts: a busy machine makes none for longer than a hand-over takes. */
const quantile = z
  .number()
  .nullable()
  .transform((ms) => ms ?? Number.NaN)
/** What the rows say of posts that arrived in some spells. */
const Latency = z.object({ posts: z.coerce.number(), p50Ms: quantile, p99Ms: quantile })
/** Of one spell, also of the gaps between batches that began in it. */
const Spell = Latency.extend({ longestGapMs: z.coerce.number() })
type Spell = z.infer<typeof Spell>

/** From when to when, in epoch milliseconds. */
type Span = readonly [number, number]

/** A spell with a swap in it, and as long a spell without one, right before: what else the machine does weighs on both. */
interface Pair {
  readonly without: Spell
  readonly withSwap: Spell
  /** Of `withSwap`, the part in which the partitions go from one version to the other. */
  readonly handOver: Spell
}

type Kind = keyof Pair

type Measured = Awaited<ReturnType<typeof measure>>

/** Between a swap and the next, in milliseconds: longer than a swap takes, so that the spell before it is quiet. */
const quietMs = 1500
/** Posts that wait when the first partition changes arrived up to this long before, in milliseconds. */
const beforeMs = 100
/** After the last partition has changed, in milliseconds: until the old threads are gone. */
const settledMs = 300

async function measure(rig: SwapRig, count: number, rate: number) {
  const registry = await rig.registry()
  await rig.start()
  const stream = rig.stream(rate)
  await systemClock.sleep(5000) // past the start of the stream, compiled code and the first garbage
  const residentMb: number[] = []
  for (let done = 1; done <= count; done++) {
    await systemClock.sleep(quietMs)
    if (done > 1) residentMb.push(rig.residentMb())
    await promote(rig, registry, done)
  }
  await systemClock.sleep(quietMs)
  residentMb.push(rig.residentMb())
  await rollBack(rig, registry)
  await systemClock.sleep(quietMs)
  await stream.end()
  await rig.drained()
  const swaps = await swapsOf(rig, registry)
  const spans = swaps.each.map(({ promotedAt, first, last }): Record<Kind, Span> => {
    const end = last + settledMs
    return {
      without: [2 * promotedAt - end, promotedAt],
      withSwap: [promotedAt, end],
      handOver: [first - beforeMs, end],
    }
  })
  const pairs: Pair[] = []
  for (const { without, withSwap, handOver } of spans) {
    pairs.push({
      without: await spell(rig, without),
      withSwap: await spell(rig, withSwap),
      handOver: await spell(rig, handOver),
    })
  }
  const together = (kind: Kind) =>
    latencyIn(
      rig,
      spans.map((span) => span[kind]),
    )
  const all = {
    without: await together('without'),
    withSwap: await together('withSwap'),
    handOver: await together('handOver'),
  }
  const verified = await rig.verify()
  return { rate, pairs, all, swaps: swaps.summary, memory: memoryOf(residentMb), verified }
}

const rollbackReason = 'bench: rollback'

/** What a person would do, as the command line does it. */
async function rollBack(rig: SwapRig, registry: Registry): Promise<void> {
  const { previous } = (await registry.aliases(bundledName)).at
  await rig.driftline('models', 'rollback', '--reason', rollbackReason)
  await until(`version ${previous}`, async () => (await rig.status())?.model?.version === previous)
}

/** Medians over ten swaps: garbage that is not collected yet makes single ones differ by a quarter. */
function memoryOf(residentMb: readonly number[]) {
  return {
    aboutSwapTen: spread(residentMb.slice(5, 15)).median,
    aboutTheLast: spread(residentMb.slice(-10)).median,
    afterEachSwap: residentMb,
  }
}

/** Moves the champion to the other version and waits until the job says that it scores with it. */
async function promote(rig: SwapRig, registry: Registry, done: number): Promise<void> {
  const expected = (await registry.aliases(bundledName)).at.champion
  const to = expected === 1 ? 2 : 1
  await registry.setAlias(bundledName, 'champion', to, { expected, by: 'bench', reason: `swap ${done}` })
  await until(`version ${to}`, async () => (await rig.status())?.model?.version === to)
}

/** Of the posts that arrived in these spans. */
async function latencyIn(rig: SwapRig, spans: readonly Span[]): Promise<z.infer<typeof Latency>> {
  const [latency] = await rig.rows(
    `SELECT
       toUInt32(count()) AS posts,
       quantileExact(0.5)(ms) + 0. AS p50Ms,
       quantileExact(0.99)(ms) + 0. AS p99Ms
     FROM (SELECT toUnixTimestamp64Milli(ingested_at) AS at, toUnixTimestamp64Milli(scored_at) - at AS ms FROM scores
       WHERE arrayExists((first, last) -> at BETWEEN first AND last, {from:Array(Int64)}, {to:Array(Int64)}))`,
    Latency,
    { from: spans.map(([from]) => from), to: spans.map(([, to]) => to) },
  )
  if (latency === undefined) throw new Error('a sum is a row')
  return latency
}

async function spell(rig: SwapRig, [from, to]: Span): Promise<Spell> {
  const [gaps] = await rig.rows(
    `SELECT toUInt32(max(next - at)) AS longestGapMs FROM
       (SELECT at, leadInFrame(at, 1, at) OVER (ORDER BY at ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS next FROM
         (SELECT DISTINCT toUnixTimestamp64Milli(scored_at) AS at FROM scores
          WHERE scored_at BETWEEN fromUnixTimestamp64Milli({from:Int64}) AND fromUnixTimestamp64Milli({to:Int64} + 1000)))
     WHERE at <= {to:Int64}`,
    Spell.pick({ longestGapMs: true }),
    { from, to },
  )
  if (gaps === undefined) throw new Error('a sum is a row')
  return { ...(await latencyIn(rig, [[from, to]])), ...gaps }
}

/** Each swap as the job recorded it, and how long after the promotion its first batch began. */
async function swapsOf(rig: SwapRig, registry: Registry) {
  const recorded = await rig.rows(
    `SELECT reason, toUnixTimestamp64Milli(min(at)) AS first, toUnixTimestamp64Milli(max(at)) AS last,
       max(pause) AS pause, max(load) AS load
     FROM (SELECT swap_id, reason, partition, max(swapped_at) AS at, max(pause_us) AS pause, max(load_ms) AS load FROM swaps
       WHERE outcome IN ('swapped', 'took_over') GROUP BY swap_id, reason, partition)
     GROUP BY swap_id, reason ORDER BY first`,
    z.object({
      reason: z.string(),
      first: z.coerce.number(),
      last: z.coerce.number(),
      pause: z.coerce.number(),
      load: z.number(),
    }),
  )
  const promotedAt = new Map((await registry.audit(bundledName)).map(({ reason, at }) => [reason, Date.parse(at)]))
  const each = recorded.map((swap) => {
    return { ...swap, promotedAt: promotedAt.get(swap.reason) ?? Number.NaN }
  })
  const summary = {
    recorded: recorded.length,
    reachMs: spread(each.map(({ first, promotedAt: at }) => first - at)),
    loadMs: spread(recorded.map(({ load }) => load)),
    pauseMs: spread(recorded.map(({ pause }) => pause / 1000)),
    rollbackMs:
      each.flatMap((swap) => (swap.reason === rollbackReason ? swap.first - swap.promotedAt : []))[0] ?? Number.NaN,
  }
  return { each, summary }
}

function spread(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: sorted[sorted.length >> 1] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN }
}

interface SwapClaim extends Claim {
  /** It must hold on any machine. */
  readonly exact: boolean
}

/** The median over all spells of one kind. */
const median = (pairs: readonly Pair[], kind: keyof Pair, field: keyof Spell): number =>
  spread(pairs.map((pair) => pair[kind][field])).median

/** Of all posts of the spells of a kind: the spells are as long as each other, pair by pair. */
const p99Ratio = ({ withSwap, without }: Measured['all']): number => withSwap.p99Ms / without.p99Ms

function judge({ all, swaps, memory, verified }: Measured, count: number): SwapClaim[] {
  return [
    { claim: `${count} swaps and a rollback recorded`, holds: swaps.recorded === count + 1, exact: true },
    { claim: '0 lost', holds: verified.gaps === 0 && verified.waiting === 0, exact: true },
    { claim: '0 twice', holds: verified.duplicates === 0, exact: true },
    { claim: "each row's version is the recorded one", holds: verified.ok, exact: true },
    { claim: `p99 with swaps ≤ ${mostLatency} × without`, holds: p99Ratio(all) <= mostLatency, exact: false },
    {
      claim: `a rollback reaches the job within ${mostRollbackMs} ms`,
      holds: swaps.rollbackMs <= mostRollbackMs,
      exact: false,
    },
    {
      claim: `memory about the last swap ≤ ${mostMemory} × about the tenth`,
      holds: memory.aboutTheLast <= mostMemory * memory.aboutSwapTen,
      exact: false,
    },
  ]
}

function describe({ pairs, all, swaps, memory, verified, rate }: Measured): string[] {
  const line = (title: string, kind: Kind) => {
    const { posts, p50Ms, p99Ms } = all[kind]
    const cells = [posts, p50Ms, p99Ms, median(pairs, kind, 'p99Ms')]
      .map((cell) => cell.toFixed(0).padStart(9))
      .join('')
    const gaps = spread(pairs.map((pair) => pair[kind].longestGapMs))
    return `${title.padEnd(16)}${cells}${gaps.median.toFixed(0).padStart(16)}, at most ${gaps.most.toFixed(0)}`
  }
  const both = (name: string, { median: middle, most }: ReturnType<typeof spread>) =>
    `${name}: median ${middle.toFixed(1)}, at most ${most.toFixed(1)} ms`
  return [
    `${rate} posts/s all posts:     p50 ms   p99 ms   a spell:  p99 ms   longest gap between two scored batches, ms (medians over ${pairs.length} spells)`,
    line('without a swap', 'without'),
    line('with a swap', 'withSwap'),
    line('  its hand-over', 'handOver'),
    `p99 with a swap: ${p99Ratio(all).toFixed(2)} × without`,
    both('from promotion to the first batch', swaps.reachMs),
    both('  of it, to read, verify and warm', swaps.loadMs),
    both('pause of a partition', swaps.pauseMs),
    `from a rollback to the first batch: ${swaps.rollbackMs} ms`,
    `resident memory of score without mapped files (RssAnon): ${memory.aboutSwapTen.toFixed(0)} MB about swap 10, ${memory.aboutTheLast.toFixed(0)} MB about the last (medians over ten)`,
    `${verified.scored} posts: ${verified.gaps} lost, ${verified.duplicates} twice`,
  ]
}
