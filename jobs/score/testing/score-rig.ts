import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { connectStore, storeClient } from '../../../clickhouse/client.ts'
import { type TestStore, testStore } from '../../../clickhouse/testing/test-store.ts'
import type { EventLog } from '../../../connectors/event-log.ts'
import { openEventLog } from '../../../connectors/open-log.ts'
import { systemClock } from '../../../core/clock.ts'
import type { Config } from '../../../core/config.ts'
import { DriftlineError } from '../../../core/errors.ts'
import { silentLog } from '../../../core/log.ts'
import { readStatuses } from '../../../core/status.ts'
import type { Scorer } from '../../../inference/scorer.ts'
import { openFileRegistry, registryFolder } from '../../../models/registry/file-registry.ts'
import type { Registry } from '../../../models/registry/registry.ts'
import { smallModel } from '../../../models/registry/testing/small-model.ts'
import { runScoreJob, type ScoreSummary } from '../main.ts'
import { recordSwap } from '../record-swap.ts'
import { type Followed, type OpenVersion, type StartScorer, startModel } from '../start-model.ts'
import { ModelSwitch } from '../swap.ts'
import { verify } from '../verify.ts'
import { fakeScorer } from './fake-scorer.ts'

const never = new AbortController().signal

/** Of a champion. */
export const allThreads = 4

/** A store, a log and a registry with versions 1 to 3 of `tiny`, and the score job with scorers that a test makes up. */
export class ScoreRig implements AsyncDisposable {
  readonly config: Config
  readonly registry: Registry
  readonly eventLog: EventLog
  /** Versions that fail to start. */
  readonly broken = new Set<number>()
  /** Versions whose scorer is another than `fakeScorer`. */
  readonly scorers = new Map<number, () => Scorer>()
  /** Reads versions once the job runs. */
  openVersion: OpenVersion = (name, version) => this.registry.open(name, version)
  /** What the job is given of the registry that it follows. */
  followed: (follow: Followed) => Followed = (follow) => follow
  /** Versions in the order in which they were started. */
  readonly started: number[] = []
  readonly #store: TestStore
  readonly #folder: string
  readonly #database: string

  private constructor(store: TestStore, database: string, folder: string, eventLog: EventLog, registry: Registry) {
    this.#store = store
    this.#database = database
    this.#folder = folder
    this.config = ScoreRig.#config(store)
    this.eventLog = eventLog
    this.registry = registry
  }

  static #config = (store: TestStore): Config => ({ ...store.config, model: 'tiny', partitions: 2, batchPosts: 20 })

  static async open(database: string): Promise<ScoreRig> {
    const store = await testStore(database)
    const config = ScoreRig.#config(store)
    const folder = await mkdtemp(join(tmpdir(), 'driftline-swap-'))
    const registry = await openFileRegistry(registryFolder(config.data))
    for (const weights of ['one', 'two', 'three']) {
      await registry.publish(await smallModel(join(folder, weights), { weights }))
    }
    await registry.setAlias('tiny', 'champion', 1, { expected: undefined, by: 'ann', reason: 'first' })
    await (await connectStore(config, { signal: never, log: silentLog })).close()
    return new ScoreRig(store, database, folder, await openEventLog(config, silentLog), registry)
  }

  /** Runs the job while `act` does something to its registry. */
  async whileScoring(act: (models: ModelSwitch) => Promise<void>): Promise<ScoreSummary> {
    const { config, eventLog } = this
    const connect = () => storeClient(config)
    const common = { clock: systemClock, log: silentLog }
    const start: StartScorer = async ({ manifest: { version } }, beside) => {
      if (this.broken.has(version)) throw new DriftlineError('MODEL_INVALID', { reason: 'its first run failed' })
      this.started.push(version)
      const scorer = this.scorers.get(version)?.() ?? fakeScorer(version)
      await scorer.grow(beside?.workers ?? allThreads)
      // As a real one, it scores as long as the signal allows that it was started with. It asks, where a real one listens:
      // while posts wait, a dozen may live at a time, and Node would take their listeners for a leak.
      const score = scorer.score.bind(scorer)
      return Object.assign(scorer, {
        async score(texts: readonly string[]) {
          beside?.signal?.throwIfAborted()
          return score(texts)
        },
      })
    }
    const stop = new AbortController()
    const { ready, follow: started } = await startModel(config.model, config, { start, signal: stop.signal, ...common })
    const follow = started && this.followed(started)
    const models = new ModelSwitch({ first: ready, record: recordSwap(connect), ...common })
    const open = this.openVersion
    const options = { config, eventLog, connect, models, follow, open, start, untilEnd: false, acceptRecreated: false }
    const job = runScoreJob({ ...options, signal: stop.signal, ...common })
    try {
      await Promise.race([act(models), job])
    } finally {
      stop.abort()
      await job.finally(() => models[Symbol.asyncDispose]())
    }
    return job
  }

  /** Posts `post-<from>` and so on, at the end of the log. */
  async append(from: number, count: number): Promise<void> {
    const { config, eventLog } = this
    await eventLog.createTopic(config.topic, config.partitions)
    const writer = await eventLog.sink<number>(`test-${from}`).open('0', never)
    const posts = Array.from({ length: count }, (_, index) => {
      const post = { id: `post-${from + index}`, text: 'a text', createdAt: 1_700_000_000_000, source: 'test' }
      return { topic: config.topic, key: post.id, value: Buffer.from(JSON.stringify(post)) }
    })
    await writer.write(posts, { position: from, states: {} })
    await writer[Symbol.asyncDispose]()
  }

  client = () => this.#store.client({ database: this.#database })

  async rows<Schema extends z.ZodType>(query: string, row: Schema): Promise<z.infer<Schema>[]> {
    const result = await this.client().query({
      query,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    })
    return z.array(row).parse(await result.json())
  }

  async count(condition: string): Promise<number> {
    const [row] = await this.rows(`SELECT count() AS n FROM ${condition}`, z.object({ n: z.number() }))
    return row?.n ?? 0
  }

  async scoredUpTo(posts: number): Promise<boolean> {
    return (await this.count('scores WHERE shadow = 0')) === posts
  }

  async promote(to: number, reason: string): Promise<void> {
    const expected = (await this.registry.aliases('tiny')).at.champion
    await this.registry.setAlias('tiny', 'champion', to, { expected, by: 'ann', reason })
  }

  verify() {
    const topics = [{ topic: this.config.topic, positionsIn: 'scores' as const }]
    return verify(this.eventLog, this.client(), topics, never)
  }

  async status() {
    return (await readStatuses(this.config.data, systemClock.now())).find(({ job }) => job === 'score')?.status
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.eventLog[Symbol.asyncDispose]()
    await this.#store[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await systemClock.sleep(5)
}
