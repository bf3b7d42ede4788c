import { availableParallelism, loadavg } from 'node:os'
import { inTemporaryFolder, list, numbers, readOptions } from './frame.ts'
import { machine } from './machine.ts'
import { modelsNamed, type NamedModel } from './make-model.ts'
import { type Drained, type Followed, Rig } from './pipeline-rig.ts'

const usage = `npm run bench -- pipeline [options]
  --file <path>      posts to ingest, JSON Lines or CSV (default: synthetic ones with the word statistics of tweets)
  --posts <n>        how many synthetic ones (default 100000)
  --models <list>    of bag, encoder (2 × 128, int8), bundled, and model directories (default bag,encoder,bundled)
  --workers <list>   inference threads (default 1,2,4)
  --runs <n>         of each setting, after one of the first to warm up; medians count (default 3; 0: only ingest and score at once)
  --rate <n>         posts a second while latency is measured (default 2000; 0: not measured)
  --seconds <n>      for how long (default 15)
  --backlog <n>      only: one run over so many posts, with the resident memory at each tenth
  --json             print JSON`

/** Linux only: CPU and memory are read from /proc. */
export async function pipeline(args: readonly string[]): Promise<number> {
  const options = readOptions(args, usage, {
    file: undefined,
    posts: 100_000,
    models: 'bag,encoder,bundled',
    workers: '1,2,4',
    runs: 3,
    rate: 2000,
    seconds: 15,
    backlog: 0,
    json: false,
  })
  if (options === undefined) return 0
  const { backlog, runs, rate, seconds, json } = options
  const workers = numbers(options.workers)
  const print = (line: string) => {
    if (!json) process.stdout.write(`${line}\n`)
  }
  return inTemporaryFolder(async (folder) => {
    const rig = new Rig(folder)
    try {
      await rig.start()
      print(`${machine()}; bench pipeline ${args.join(' ')}`)
      const load = loadavg()[0] ?? 0 // of the last minute, before anything of ours has run
      if (load > 1)
        print(`load average ${load.toFixed(1)}: others are at work, so rates are low and busy shares too high`)
      const models = await modelsNamed(list(options.models), folder)
      const file = options.file ?? (await rig.writePosts(backlog === 0 ? options.posts : backlog))
      const result =
        backlog === 0
          ? await measure(rig, { file, models, workers, runs, live: { rate, seconds }, print })
          : await measureBacklog(rig, { file, models, workers, print })
      if (json) process.stdout.write(`${JSON.stringify({ machine: machine(), load, args, ...result }, null, 2)}\n`)
      return 0
    } finally {
      await rig.stop()
    }
  })
}

interface Plan {
  readonly file: string
  readonly models: readonly NamedModel[]
  readonly workers: readonly number[]
  readonly print: (line: string) => void
}

type Live = { readonly rate: number; readonly seconds: number }

/** One setting, as shares and rates. CPU is in microseconds a post, shares are of 1. */
interface Measured {
  readonly model: string
  readonly workers: number
  readonly postsPerSecond: number
  readonly scoreCpuUs: number
  readonly storeCpuUs: number
  /** How busy each part was that can be the bottleneck. */
  readonly busy: Readonly<Record<(typeof parts)[number], number>>
  readonly bottleneck: string
  /** Highest resident memory of `score` without mapped files. */
  readonly ownMb: number
  /** Posts a second of each step's own time: of reading and parsing on the main thread, of one insert at a time. */
  readonly alone: { readonly read: number; readonly parse: number; readonly insert: number }
}

const parts = ['main thread of score', 'inference threads', 'inserts', 'all cores'] as const

async function measure(rig: Rig, plan: Plan & { readonly runs: number; readonly live: Live }) {
  const { file, models, workers, runs, live, print } = plan
  const topic = 'backlog'
  const ingested = await rig.ingest(file, topic)
  const ingest = {
    posts: ingested.accepted,
    postsPerSecond: ingested.accepted / ingested.seconds,
    cpuUs: (ingested.usage.cpuSeconds / ingested.accepted) * 1e6,
    peakMb: ingested.usage.peakMb,
  }
  print(
    `ingest: ${whole(ingest.postsPerSecond)} posts/s, ${ingest.cpuUs.toFixed(1)} µs of CPU a post with the start, ${ingest.peakMb.toFixed(0)} MB at most\n`,
  )
  const [first] = models
  if (first !== undefined) await rig.drain(topic, { model: first.path, workers: workers[0] ?? 1 })

  print('log to rows                            CPU µs/post        busy, % of its own           MB of')
  print('model     workers   posts/s    score     store     main  threads  inserts  cores   of score  bottleneck')
  const drained: Measured[] = []
  for (const model of models) {
    for (const count of runs > 0 ? workers : []) {
      const results: Drained[] = []
      for (let run = 0; run < runs; run++) results.push(await rig.drain(topic, { model: model.path, workers: count }))
      const measured = summarise(model.name, count, results)
      drained.push(measured)
      print(row(measured))
    }
    const last = drained.at(-1)
    if (last?.model === model.name) print(stages(last))
  }
  return { ingest, drained, ...(await measureLive(rig, file, models, live, print)) }
}

/** `score` while `ingest` appends: as fast as the file can be read, and at a steady rate, for the latency. */
async function measureLive(
  rig: Rig,
  file: string,
  models: readonly NamedModel[],
  { rate, seconds }: Live,
  print: Plan['print'],
) {
  const workers = Math.max(1, availableParallelism() - 1)
  const floods: object[] = []
  const latencies: object[] = []
  for (const { name, path } of models) {
    const setting = { model: path, workers }
    const flood = await rig.follow(`flood-${name}`, setting, ['file', file])
    const postsPerSecond = flood.posts / flood.seconds
    floods.push({ model: name, workers, postsPerSecond })
    print(`\n${name}, ${workers} workers: file to last row, ingest and score at once: ${whole(postsPerSecond)} posts/s`)
    if (rate === 0) continue
    const demo = ['demo', '--rate', String(rate), '--limit', String(rate * seconds)]
    const latency = quantiles(await rig.follow(`live-${name}`, setting, demo))
    latencies.push({ model: name, workers, rate, ...latency })
    const { p50Ms, p95Ms, p99Ms, storeCores, scoreCores } = latency
    print(`  append to visible row at ${whole(rate)} posts/s: p50 ${p50Ms}, p95 ${p95Ms}, p99 ${p99Ms} ms`)
    print(
      `  meanwhile ${scoreCores.toFixed(2)} cores for score and ${storeCores.toFixed(2)} for the store, watched each 10 ms`,
    )
  }
  return { floods, latencies }
}

async function measureBacklog(rig: Rig, { file, models, workers, print }: Plan) {
  const { accepted } = await rig.ingest(file, 'backlog')
  const drained: object[] = []
  for (const { name, path } of models) {
    for (const count of workers) {
      const run = await rig.drain('backlog', { model: path, workers: count })
      drained.push({ model: name, workers: count, ...run })
      print(
        `${name}, ${count} workers: ${whole(run.scored)} of ${whole(accepted)} posts, ${whole(run.scored / run.seconds)} posts/s`,
      )
      print(
        `  resident without mapped files, in each tenth: ${run.ownMb.join(' ')} MB; with them at most ${run.peakMb.toFixed(0)}`,
      )
    }
  }
  return { drained }
}

function summarise(model: string, workers: number, runs: readonly Drained[]): Measured {
  const of = (value: (run: Drained) => number) => median(runs.map(value))
  const threads = (run: Drained) => Math.max(0, run.cpuSeconds - run.mainThreadSeconds) / run.seconds / workers
  const busySeconds = (run: Drained, name: string) => (run.steps.find(({ step }) => step === name)?.busyMs ?? 0) / 1000
  const alone = (name: string) => of((run) => run.scored / busySeconds(run, name))
  const busy = {
    'main thread of score': of((run) => run.mainThreadSeconds / run.seconds),
    'inference threads': of(threads),
    inserts: of((run) => busySeconds(run, 'rows') / run.seconds) / partitions,
    'all cores': of((run) => (run.cpuSeconds + run.storeCpuSeconds) / run.seconds) / availableParallelism(),
  }
  return {
    model,
    workers,
    postsPerSecond: of((run) => run.scored / run.seconds),
    scoreCpuUs: of((run) => (run.cpuSeconds / run.scored) * 1e6),
    storeCpuUs: of((run) => (run.storeCpuSeconds / run.scored) * 1e6),
    busy,
    bottleneck: parts.reduce((most, part) => (busy[part] > busy[most] ? part : most)),
    ownMb: of((run) => Math.max(...run.ownMb)),
    alone: { read: alone('posts'), parse: alone('parse'), insert: alone('rows') },
  }
}

/** Of a topic, by default; each has an insert of its own under way. */
const partitions = 4

function quantiles({ posts, latencyMs, storeCores, scoreCores }: Followed) {
  const at = (share: number) => latencyMs[Math.min(posts - 1, Math.floor(posts * share))] ?? Number.NaN
  return {
    posts,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    maxMs: latencyMs.at(-1) ?? Number.NaN,
    storeCores,
    scoreCores,
  }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

const whole = (value: number): string => Math.round(value).toLocaleString('en')

const stages = ({ alone: { read, parse, insert } }: Measured): string =>
  `          alone: read ${whole(read)}, parse ${whole(parse)}, one insert at a time ${whole(insert)} posts/s`

const row = ({ model, workers, postsPerSecond, scoreCpuUs, storeCpuUs, busy, bottleneck, ownMb }: Measured): string =>
  [
    model.slice(-9).padEnd(9),
    String(workers).padStart(7),
    whole(postsPerSecond).padStart(9),
    scoreCpuUs.toFixed(1).padStart(8),
    storeCpuUs.toFixed(1).padStart(9),
    ...parts.map((part) => (busy[part] * 100).toFixed(0).padStart(8)),
    ownMb.toFixed(0).padStart(10),
    ` ${bottleneck}`,
  ].join(' ')
