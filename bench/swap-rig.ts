import type { ChildProcess } from 'node:child_process'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClickHouseClient } from '@clickhouse/client'
import { z } from 'zod'
import { storeClient } from '../clickhouse/client.ts'
import { select } from '../clickhouse/queries.ts'
import { readStoreAddress } from '../clickhouse/store-file.ts'
import { openEventLog } from '../connectors/open-log.ts'
import { systemClock } from '../core/clock.ts'
import { type Config, loadConfig } from '../core/config.ts'
import { silentLog } from '../core/log.ts'
import { type JobStatus, readStatuses } from '../core/status.ts'
import { allocatorEnvironment } from '../jobs/score/allocator.ts'
import { adoptBundled, bundledName } from '../models/load-model.ts'
import { bundledModelPath } from '../models/model-directory.ts'
import { openFileRegistry, registryFolder } from '../models/registry/file-registry.ts'
import type { Registry } from '../models/registry/registry.ts'
import { end, runVerb, startVerb, usageOf } from './processes.ts'
import { until } from './until.ts'

const Verified = z.object({
  ok: z.boolean(),
  scored: z.number(),
  waiting: z.number(),
  gaps: z.number(),
  duplicates: z.number(),
  findings: z.array(z.unknown()),
})

/** A store, a score job and a steady stream of posts on a data folder of their own. Linux only: it reads /proc. */
export class SwapRig {
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv
  readonly #config: Config
  #running: ChildProcess[] = []
  #score: ChildProcess | undefined
  #client: ClickHouseClient | undefined

  /** @param settings more of the environment that the jobs are given */
  constructor(folder: string, workers: number, settings: NodeJS.ProcessEnv = {}) {
    this.#folder = folder
    this.#env = {
      ...process.env,
      DRIFTLINE_DATA: join(folder, 'data'),
      DRIFTLINE_STORE_PORT: '0',
      DRIFTLINE_LOG_LEVEL: 'warn',
      DRIFTLINE_MODEL: bundledName,
      DRIFTLINE_WORKERS: String(workers),
      ...settings,
    }
    this.#config = loadConfig({}, this.#env, folder).config
  }

  get #store(): ClickHouseClient {
    if (this.#client === undefined) throw new Error('the rig is not started')
    return this.#client
  }

  get data(): string {
    return this.#config.data
  }

  /** Whether the score job is still the process that was started. */
  get scores(): boolean {
    return this.#score?.exitCode === null && this.#score.signalCode === null
  }

  /** The registry, with the bundled model as version 1 and the same one, made anew, as version 2. */
  async registry(): Promise<Registry> {
    const registry = await openFileRegistry(registryFolder(this.#config.data))
    await adoptBundled(registry)
    const again = join(this.#folder, 'again')
    await cp(bundledModelPath, again, { recursive: true })
    const manifest = join(again, 'manifest.json')
    const facts = JSON.parse(await readFile(manifest, 'utf8'))
    await writeFile(manifest, JSON.stringify({ ...facts, createdAt: new Date(systemClock.now()).toISOString() }))
    await registry.publish(again)
    return registry
  }

  async start(): Promise<void> {
    const start = (verb: string, settings: NodeJS.ProcessEnv = {}) => {
      const child = startVerb([verb], { ...settings, ...this.#env })
      this.#running.push(child)
      return child
    }
    start('store')
    await until('the store', async () => readStoreAddress(this.#config.data) !== undefined)
    this.#score = start('score', allocatorEnvironment)
    await until('the score job', async () => (await this.status())?.state === 'ok')
    this.#client = storeClient(this.#config)
  }

  /** A stream of made-up posts, until it is ended. */
  stream(rate: number): { end(): Promise<void> } {
    const child = startVerb(['ingest', 'demo', '--rate', String(rate)], this.#env)
    this.#running.push(child)
    return { end: () => end(child) }
  }

  async status(): Promise<JobStatus | undefined> {
    const files = await readStatuses(this.#config.data, systemClock.now())
    const status = files.find(({ job }) => job === 'score')?.status
    return status?.pid === this.#score?.pid ? status : undefined
  }

  /** Resident memory of the score job in MB, without mapped files. */
  residentMb(): number {
    return usageOf(this.#score?.pid ?? 0)?.ownMb ?? Number.NaN
  }

  /** Runs a verb on the rig's data folder; its exit code must be 0. */
  async driftline(...args: readonly string[]): Promise<void> {
    await runVerb(args, this.#env)
  }

  /** Waits until all that the log holds is scored, by the rows: a status may be older than the end of the stream. */
  async drained(): Promise<void> {
    const { topic } = this.#config
    const log = await openEventLog(this.#config, silentLog)
    const ranges = await log.ranges(topic)
    await log[Symbol.asyncDispose]()
    await until('the end of the backlog', async () => {
      const scored = new Map(
        (await select(this.#store, 'resume', { topic })).map(({ partition, next_offset }) => [partition, next_offset]),
      )
      return ranges.every(({ partition, end: last }) => (scored.get(partition) ?? 0) >= last)
    })
  }

  async verify(): Promise<z.infer<typeof Verified>> {
    try {
      return Verified.parse(JSON.parse((await runVerb(['verify', '--json'], this.#env)).stdout))
    } catch (error) {
      throw new Error('driftline verify found something wrong; run it on the folder', { cause: error })
    }
  }

  async rows<Schema extends z.ZodType>(
    query: string,
    schema: Schema,
    query_params: Readonly<Record<string, unknown>> = {},
  ): Promise<z.infer<Schema>[]> {
    const result = await this.#store.query({ query, query_params, format: 'JSONEachRow' })
    return z.array(schema).parse(await result.json())
  }

  async stop(): Promise<void> {
    await this.#client?.close()
    for (const child of this.#running.toReversed()) await end(child)
  }
}
