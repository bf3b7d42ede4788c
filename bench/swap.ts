import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { TupleParam } from '@clickhouse/client'
import { z } from 'zod'
import { systemClock } from '../core/clock.ts'
import { bundledName } from '../models/load-model.ts'
import type { Registry } from '../models/registry/registry.ts'
import { machine } from './machine.ts'
import { SwapRig, until } from './swap-rig.ts'

const usage = `npm run bench -- swap [options]
  --count <n>      swaps, back and forth between two versions of the bundled model (default 100)
  --rate <n>       posts a second (default 2000)
  --workers <n>    inference threads of a version (default: one less than the cores)
  --exact          judge what must hold exactly, not times and memory, which a busy machine changes
  --json           print JSON`

const mostLatency = 1.1
const mostMemory = 1.05

/** Linux only: memory is read from /proc. */
export async function swap(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      count: { type: 'string', default: '100' },
      rate: { type: 'string', default: '2000' },
      workers: { type: 'string', default: String(Math.max(1, availableParallelism() - 1)) },
      exact: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(`${usage}\n`)
    return 0
  }
  const folder = await mkdtemp(join(tmpdir(), 'driftline-bench-'))
  const rig = new SwapRig(folder, Number(values.workers))
  try {
    const measured = await measure(rig, Number(values.count), Number(values.rate))
    const claims = judge(measured, Number(values.count))
    const wrong = claims.filter(({ holds, exact }) => !holds && (exact || !values.exact))
    const result = { machine: machine(), args, ...measured, claims }
    process.stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : describe(result))
    return wrong.length === 0 ? 0 : 1
  } finally {
    await rig.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** What the rows of a stretch of time say. */
const Stretch = z.object({
  posts: z.coerce.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  longestGapMs: z.coerce.number(),
})
type Stretch = z.infer<typeof Stretch>

/** From when to when, in epoch milliseconds. */
type Span = readonly [number, number]

type Measured = Awaited<ReturnType<typeof measure>>

async function measure(rig: SwapRig, count: number, rate: number) {
  const registry = await rig.registry()
  await rig.start()
  const stream = rig.stream(rate)
  await systemClock.sleep(5000) // past the start of the stream, compiled code and the first garbage
  const residentMb = new Map<number, number>()
  const [during, between]: [Span[], Span[]] = [[], []]
  for (let done = 1; done <= count; done++) {
    const from = systemClock.now()
    await promote(rig, registry, done)
    const to = systemClock.now()
    during.push([from, to])
    // As long again without a swap: what else the machine is at then weighs on both alike.
    if (done === Math.min(10, count) || done === count) residentMb.set(done, await rig.residentMb())
    await systemClock.sleep(Math.max(0, to - from - (systemClock.now() - to)))
    between.push([to, systemClock.now()])
  }
  await stream.end()
  await rig.drained()
  const [without, withSwaps] = [await stretch(rig, between), await stretch(rig, during)]
  const verified = await rig.verify()
  return { rate, without, withSwaps, swaps: await swapsOf(rig, registry), residentMb: [...residentMb], verified }
}

/** Moves the champion to the other version and waits until the job says that it scores with it. */
async function promote(rig: SwapRig, registry: Registry, done: number): Promise<void> {
  const expected = (await registry.aliases(bundledName)).at.champion
  const to = expected === 1 ? 2 : 1
  await registry.setAlias(bundledName, 'champion', to, { expected, by: 'bench', reason: `swap ${done}` })
  await until(`version ${to}`, async () => (await rig.status())?.model?.version === to)
}

/** Latencies of the posts that arrived in these spans, and the gaps between batches that began there. */
async function stretch(rig: SwapRig, spans: readonly Span[]): Promise<Stretch> {
  const inSpans = (ms: string) =>
    `arrayExists(span -> ${ms} BETWEEN span.1 AND span.2, {spans:Array(Tuple(Int64, Int64))})`
  const parameters = { spans: spans.map((span) => new TupleParam(span)) }
  const [latencies] = await rig.rows(
    `SELECT
       toUInt32(count()) AS posts,
       quantileExact(0.5)(toUnixTimestamp64Milli(scored_at) - toUnixTimestamp64Milli(ingested_at)) + 0. AS p50Ms,
       quantileExact(0.99)(toUnixTimestamp64Milli(scored_at) - toUnixTimestamp64Milli(ingested_at)) + 0. AS p99Ms
     FROM scores WHERE ${inSpans('toUnixTimestamp64Milli(ingested_at)')}`,
    Stretch.omit({ longestGapMs: true }),
    parameters,
  )
  const [gaps] = await rig.rows(
    `SELECT toUInt32(max(next - at)) AS longestGapMs FROM
       (SELECT at, leadInFrame(at, 1, at) OVER (ORDER BY at ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS next FROM
         (SELECT DISTINCT toUnixTimestamp64Milli(scored_at) AS at FROM scores))
     WHERE ${inSpans('at')}`,
    Stretch.pick({ longestGapMs: true }),
    parameters,
  )
  if (latencies === undefined || gaps === undefined) throw new Error('a sum is a row')
  return { ...latencies, ...gaps }
}

/** Each swap as the job recorded it, and how long after the promotion its first batch began. */
async function swapsOf(rig: SwapRig, registry: Registry) {
  const recorded = await rig.rows(
    `SELECT reason, toUnixTimestamp64Milli(min(swapped_at)) AS at, max(pause_us) AS pause, max(load_ms) AS load
     FROM swaps WHERE outcome = 'swapped' GROUP BY swap_id, reason`,
    z.object({ reason: z.string(), at: z.coerce.number(), pause: z.coerce.number(), load: z.number() }),
  )
  const promotedAt = new Map((await registry.audit(bundledName)).map(({ reason, at }) => [reason, Date.parse(at)]))
  const reachMs = recorded.map(({ reason, at }) => at - (promotedAt.get(reason) ?? Number.NaN))
  return {
    recorded: recorded.length,
    reachMs: spread(reachMs),
    loadMs: spread(recorded.map(({ load }) => load)),
    pauseMs: spread(recorded.map(({ pause }) => pause / 1000)),
  }
}

function spread(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: sorted[sorted.length >> 1] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN }
}

interface Claim {
  readonly claim: string
  readonly holds: boolean
  /** It must hold on any machine. */
  readonly exact: boolean
}

function judge({ without, withSwaps, swaps, residentMb, verified }: Measured, count: number): Claim[] {
  const [first, last] = [residentMb[0]?.[1] ?? Number.NaN, residentMb.at(-1)?.[1] ?? Number.NaN]
  return [
    { claim: `${count} swaps recorded`, holds: swaps.recorded === count, exact: true },
    { claim: '0 lost', holds: verified.gaps === 0 && verified.waiting === 0, exact: true },
    { claim: '0 twice', holds: verified.duplicates === 0, exact: true },
    { claim: "each row's version is the recorded one", holds: verified.ok, exact: true },
    {
      claim: `p99 with swaps ≤ ${mostLatency} × without`,
      holds: withSwaps.p99Ms <= mostLatency * without.p99Ms,
      exact: false,
    },
    {
      claim: `memory after the last ≤ ${mostMemory} × after the tenth`,
      holds: last <= mostMemory * first,
      exact: false,
    },
  ]
}

function describe({
  machine: where,
  args,
  claims,
  ...measured
}: Measured & { machine: string; args: readonly string[]; claims: readonly Claim[] }): string {
  const { without, withSwaps, swaps, residentMb, verified, rate } = measured
  const line = (title: string, { posts, p50Ms, p99Ms, longestGapMs }: Stretch) =>
    `${title.padEnd(16)} ${String(posts).padStart(9)} ${p50Ms.toFixed(0).padStart(8)} ${p99Ms.toFixed(0).padStart(8)} ${String(longestGapMs).padStart(12)}`
  const both = (name: string, { median, most }: ReturnType<typeof spread>) =>
    `${name}: median ${median.toFixed(1)}, at most ${most.toFixed(1)} ms`
  return `${[
    `${where}; bench swap ${args.join(' ')}`,
    `${rate} posts/s        posts   p50 ms   p99 ms   longest gap between two scored batches, ms`,
    line('between swaps', without),
    line('while swapping', withSwaps),
    both('from promotion to the first batch', swaps.reachMs),
    both('  of it, to read, verify and warm', swaps.loadMs),
    both('pause of a partition', swaps.pauseMs),
    `resident memory of score: ${residentMb.map(([after, mb]) => `${mb.toFixed(0)} MB after swap ${after}`).join(', ')}`,
    `${verified.scored} posts: ${verified.gaps} lost, ${verified.duplicates} twice`,
    ...claims.map(({ claim, holds }) => `${holds ? 'holds  ' : 'FAILS  '} ${claim}`),
  ].join('\n')}\n`
}
