import type { ChildProcess } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline as pipe } from 'node:stream/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import { z } from 'zod'
import { storeClient } from '../clickhouse/client.ts'
import { readStoreAddress } from '../clickhouse/store-file.ts'
import { systemClock } from '../core/clock.ts'
import { type Config, loadConfig } from '../core/config.ts'
import { readStatuses } from '../core/status.ts'
import { end, type Finished, runVerb, startVerb, usageOf } from './processes.ts'
import { syntheticPosts } from './synthetic-posts.ts'
import { until } from './until.ts'

/** Which model runs, on how many inference threads. */
export interface Setting {
  readonly model: string
  readonly workers: number
}

const StepTotals = z.object({
  step: z.string(),
  in: z.number(),
  busyMs: z.number(),
  waitingMs: z.number(),
  blockedMs: z.number(),
})

/** What `driftline score --until-end --json` prints. */
const ScoreSummary = z.object({
  scored: z.number(),
  dead: z.number(),
  seconds: z.number(),
  cpuSeconds: z.number(),
  mainThreadSeconds: z.number(),
  steps: z.array(StepTotals),
})

/** `score` over a topic from its first offset to its end. */
export interface Drained extends z.infer<typeof ScoreSummary> {
  readonly storeCpuSeconds: number
  /** Of `score`: highest resident memory, mapped files included, and without them at each tenth of the run. */
  readonly peakMb: number
  readonly ownMb: readonly number[]
}

const IngestSummary = z.object({ accepted: z.number(), seconds: z.number() })

/** Posts that a running `score` found in the log while they were appended. */
export interface Followed {
  readonly posts: number
  /** From the start of `ingest` to the last row. */
  readonly seconds: number
  /** Milliseconds from append to visible row, sorted; at most `pollMs` too long each. */
  readonly latencyMs: readonly number[]
  /** Processor time, in cores, of the store (the watching included) and of `score`. */
  readonly storeCores: number
  readonly scoreCores: number
}

const pollMs = 10

/** One data folder with one embedded store; each run has a database of its own. Linux only: it reads /proc. */
export class Rig {
  readonly #folder: string
  readonly #kafkaBrokers: string | undefined
  #databases = 0
  #store: ChildProcess | undefined

  /** @param kafkaBrokers where the log is; by default it is the embedded one */
  constructor(folder: string, kafkaBrokers?: string) {
    this.#folder = folder
    this.#kafkaBrokers = kafkaBrokers
  }

  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    this.#store = startVerb(['store', '--json'], this.#env())
    await until('the store', () => Promise.resolve(readStoreAddress(join(this.#folder, 'data')) !== undefined))
  }

  async stop(): Promise<void> {
    await end(this.#store)
  }

  /** Writes posts as JSON Lines, each text another one. */
  async writePosts(count: number): Promise<string> {
    const file = join(this.#folder, `posts-${count}.jsonl`)
    const perSeed = 100_000
    const lines = function* () {
      for (let from = 0; from < count; from += perSeed) {
        for (const [index, text] of syntheticPosts(Math.min(perSeed, count - from), 1 + from / perSeed).entries()) {
          const number = from + index
          const post = { id: `post-${number}`, text, createdAt: 1_700_000_000_000 + number * 37, source: 'bench' }
          yield `${JSON.stringify(post)}\n`
        }
      }
    }
    await pipe(lines, createWriteStream(file))
    return file
  }

  async ingest(file: string, topic: string): Promise<Finished & z.infer<typeof IngestSummary>> {
    const finished = await runVerb(['ingest', 'file', file, '--topic', topic, '--json'], this.#env())
    return { ...finished, ...IngestSummary.parse(JSON.parse(finished.stdout)) }
  }

  async drain(topic: string, setting: Setting): Promise<Drained> {
    return this.#inDatabase(async (database) => {
      const before = this.#storeCpuSeconds()
      const { stdout, usage, ownMb } = await runVerb(
        ['score', '--until-end', '--json', ...flags(topic, setting)],
        this.#env(database),
      )
      const storeCpuSeconds = this.#storeCpuSeconds() - before
      return { ...ScoreSummary.parse(JSON.parse(stdout)), storeCpuSeconds, peakMb: usage.peakMb, ownMb }
    })
  }

  /** Runs `score` on an empty topic, as often as asked for, then `ingest` into it, and watches the rows appear. */
  async follow(topic: string, setting: Setting, ingest: readonly string[], processes = 1): Promise<Followed> {
    return this.#inDatabase(async (database, client) => {
      const scores = Array.from({ length: processes }, (_, replica) =>
        startVerb(['score', ...flags(topic, setting)], { ...this.#env(database), DRIFTLINE_REPLICA: `s${replica}` }),
      )
      try {
        await until('the score job in every process', () => this.#scores(scores))
        const scoreCpuSeconds = () =>
          scores.reduce((sum, { pid }) => sum + (usageOf(pid ?? 0)?.cpuSeconds ?? Number.NaN), 0)
        const used = () => [this.#storeCpuSeconds(), scoreCpuSeconds()] as const
        const [startedMs, [storeAtStart, scoreAtStart]] = [Date.now(), used()]
        const ingesting = runVerb(['ingest', ...ingest, '--topic', topic, '--json'], this.#env())
        const watch = new Watch(client, topic)
        let appended = Number.POSITIVE_INFINITY
        const finished = ingesting.then(({ stdout }) => {
          appended = IngestSummary.parse(JSON.parse(stdout)).accepted
        })
        while (watch.posts < appended) await watch.look()
        const seconds = (Date.now() - startedMs) / 1000
        const [store, own] = used()
        await finished
        const [storeCores, scoreCores] = [(store - storeAtStart) / seconds, (own - scoreAtStart) / seconds]
        return { posts: watch.posts, seconds, latencyMs: await watch.latencies(), storeCores, scoreCores }
      } finally {
        await Promise.all(scores.map((score) => end(score)))
      }
    })
  }

  async #scores(processes: readonly ChildProcess[]): Promise<boolean> {
    const statuses = await readStatuses(join(this.#folder, 'data'), systemClock.now())
    const isReady = ({ pid }: ChildProcess) =>
      statuses.some(
        ({ status }) =>
          status?.job === 'score' && status.pid === pid && status.state === 'ok' && status.partitions.length > 0,
      )
    return processes.every(isReady)
  }

  async #inDatabase<T>(act: (database: string, client: ClickHouseClient) => Promise<T>): Promise<T> {
    const database = `bench_${this.#databases++}`
    const client = storeClient(this.#config(database))
    try {
      return await act(database, client)
    } finally {
      await client.command({ query: `DROP DATABASE ${database} SYNC` })
      await client.close()
    }
  }

  #storeCpuSeconds(): number {
    const pid = readStoreAddress(join(this.#folder, 'data'))?.pid
    return (pid === undefined ? undefined : usageOf(pid))?.cpuSeconds ?? Number.NaN
  }

  #env(database = 'driftline'): NodeJS.ProcessEnv {
    return {
      ...process.env,
      DRIFTLINE_DATA: join(this.#folder, 'data'),
      DRIFTLINE_DATABASE: database,
      DRIFTLINE_STORE_PORT: '0',
      DRIFTLINE_LOG_LEVEL: 'warn',
      ...(this.#kafkaBrokers === undefined ? {} : { DRIFTLINE_KAFKA_BROKERS: this.#kafkaBrokers }),
    }
  }

  #config(database: string): Config {
    return loadConfig({}, this.#env(database), this.#folder).config
  }
}

/** The highest visible offset of each partition, over time. */
class Watch {
  readonly #client: ClickHouseClient
  readonly #topic: string
  readonly #seen: { readonly atMs: number; readonly ends: ReadonlyMap<number, number> }[] = []

  constructor(client: ClickHouseClient, topic: string) {
    this.#client = client
    this.#topic = topic
  }

  /** Rows that are visible: offsets begin at 0 and have no gap. */
  get posts(): number {
    return [...(this.#seen.at(-1)?.ends.values() ?? [])].reduce((sum, end) => sum + end + 1, 0)
  }

  async look(): Promise<void> {
    const askedMs = Date.now()
    const rows = await this.#rows(
      'SELECT partition, max(offset) FROM scores WHERE topic = {topic:String} GROUP BY partition',
      z.tuple([z.number(), z.number()]),
    )
    this.#seen.push({ atMs: Date.now(), ends: new Map(rows) })
    await systemClock.sleep(Math.max(0, pollMs - (Date.now() - askedMs)))
  }

  async latencies(): Promise<number[]> {
    const rows = await this.#rows(
      `SELECT partition, offset, toUnixTimestamp64Milli(ingested_at) FROM scores
       WHERE topic = {topic:String} ORDER BY partition, offset`,
      z.tuple([z.number(), z.number(), z.number()]),
    )
    let look = 0
    const latencies = rows.map(([partition, offset, ingestedMs]) => {
      if (offset === 0) look = 0
      while (look < this.#seen.length && (this.#seen[look]?.ends.get(partition) ?? -1) < offset) look++
      return (this.#seen[look]?.atMs ?? Number.NaN) - ingestedMs
    })
    return latencies.sort((a, b) => a - b)
  }

  async #rows<Row extends z.ZodType>(query: string, row: Row): Promise<z.infer<Row>[]> {
    const answer = await this.#client.query({
      query,
      format: 'JSONCompactEachRow',
      query_params: { topic: this.#topic },
    })
    return z.array(row).parse(await answer.json())
  }
}

const flags = (topic: string, { model, workers }: Setting): string[] => [
  ...['--topic', topic],
  ...['--model', model],
  ...['--workers', String(workers)],
]
