import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { storeClient } from '../clickhouse/client.ts'
import { select } from '../clickhouse/queries.ts'
import { brokersOf } from '../connectors/kafka/brokers.ts'
import { type KafkaLog, openKafkaLog } from '../connectors/kafka-log.ts'
import { systemClock } from '../core/clock.ts'
import { loadConfig } from '../core/config.ts'
import { readStatuses } from '../core/status.ts'
import type { KafkaVersion } from '../test/kafka/classpath.ts'
import { KafkaCluster } from '../test/kafka/cluster.ts'
import { type Answer, answerOf, childrenOf, end, startLogged } from './processes.ts'

export interface KafkaRigOptions {
  readonly folder: string
  readonly version: KafkaVersion
  readonly brokers: number
  /** Posts per second of the load. */
  readonly rate: number
}

/** Kafka brokers, ClickHouse, any number of score processes that share the topic, and a load. */
export class KafkaRig {
  readonly cluster: KafkaCluster
  readonly log: KafkaLog
  /** Of the topic. */
  readonly partitions = 6
  readonly #folder: string
  readonly #rate: number
  readonly #env: NodeJS.ProcessEnv
  readonly #scorers = new Map<number, ChildProcess>()
  #store: ChildProcess | undefined
  #ingest: ChildProcess | undefined

  private constructor(cluster: KafkaCluster, { folder, rate }: KafkaRigOptions) {
    this.cluster = cluster
    this.#folder = folder
    this.#rate = rate
    this.log = openKafkaLog({ brokers: brokersOf(cluster.addresses()) })
    this.#env = {
      ...process.env,
      DRIFTLINE_DATA: this.data,
      DRIFTLINE_STORE_PORT: '0',
      DRIFTLINE_KAFKA_BROKERS: cluster.addresses(),
      DRIFTLINE_PARTITIONS: String(this.partitions),
      DRIFTLINE_WORKERS: '1',
    }
  }

  static async start(options: KafkaRigOptions): Promise<KafkaRig> {
    const { version, brokers } = options
    const rig = new KafkaRig(await KafkaCluster.start({ version, brokers }), options)
    try {
      rig.startStore()
      await rig.until('ClickHouse', 120_000, async () => (await rig.positions()) !== undefined)
      rig.startIngest()
      await rig.scale(1)
      return rig
    } catch (error) {
      await rig[Symbol.asyncDispose]()
      throw error
    }
  }

  get data(): string {
    return join(this.#folder, 'data')
  }

  get scorers(): readonly number[] {
    return [...this.#scorers.keys()]
  }

  startStore(): void {
    this.#store = this.#spawn('store', ['store'])
  }

  /** SIGKILL to the verb and the engine below it. */
  async killStore(): Promise<void> {
    const pid = this.#store?.pid
    const engines = pid === undefined ? [] : childrenOf(pid)
    for (const engine of engines) process.kill(engine.pid, 'SIGKILL')
    await end(this.#store, 'SIGKILL')
  }

  startIngest(): void {
    this.#ingest = this.#spawn('ingest', ['ingest', 'demo', '--rate', String(this.#rate)])
  }

  async stopIngest(): Promise<void> {
    await end(this.#ingest, 'SIGTERM')
  }

  async killIngest(): Promise<void> {
    await end(this.#ingest, 'SIGKILL')
  }

  /** Starts or stops score processes until so many run. */
  async scale(count: number, ...args: readonly string[]): Promise<void> {
    for (let replica = 1; replica <= count; replica++)
      if (!this.#scorers.has(replica)) this.startScorer(replica, ...args)
    for (const replica of this.scorers) if (replica > count) await this.stopScorer(replica)
  }

  startScorer(replica: number, ...args: readonly string[]): void {
    const env = { DRIFTLINE_REPLICA: `s${replica}` }
    this.#scorers.set(replica, this.#spawn(`score-${replica}`, ['score', ...args], env))
  }

  async stopScorer(replica: number): Promise<void> {
    await end(this.#scorers.get(replica), 'SIGTERM')
    this.#scorers.delete(replica)
  }

  async killScorer(replica: number): Promise<void> {
    await end(this.#scorers.get(replica), 'SIGKILL')
    this.#scorers.delete(replica)
  }

  /** Names of the processes that have ended though nobody ended them. */
  dead(): readonly string[] {
    const all = [...this.#scorers].map(([replica, child]) => [`score ${replica}`, child] as const)
    const parts = [...all, ['ingest', this.#ingest], ['store', this.#store]] as const
    return parts.flatMap(([name, child]) =>
      child !== undefined && (child.exitCode !== null || child.signalCode !== null) ? [name] : [],
    )
  }

  /** What the score processes say of themselves. */
  async statuses(): Promise<readonly { state: string; reason: string | undefined; pid: number }[]> {
    const files = await readStatuses(this.data, systemClock.now())
    return files.flatMap(({ job, status }) =>
      job === 'score' && status !== undefined && [...this.#scorers.values()].some(({ pid }) => pid === status.pid)
        ? [{ state: status.state, reason: status.reason, pid: status.pid }]
        : [],
    )
  }

  /** Next offset of each partition as the rows have it; `undefined` while ClickHouse does not answer. */
  async positions(): Promise<ReadonlyMap<number, number> | undefined> {
    const { config } = loadConfig({ data: this.data }, {})
    try {
      const client = storeClient(config)
      try {
        const rows = await select(client, 'resume', { topic: 'posts' }, AbortSignal.timeout(3000))
        const topic = (await this.log.topic('posts').catch(() => undefined))?.id
        return new Map(
          rows
            .filter((row) => topic === undefined || row.topic_id === topic)
            .map((row) => [row.partition, row.next_offset]),
        )
      } finally {
        await client.close()
      }
    } catch {
      return undefined
    }
  }

  /** How long it takes until every partition is scored up to where the log ends now, in milliseconds. */
  async caughtUp(timeoutMs: number): Promise<number> {
    const startedMs = systemClock.now()
    let ends: ReadonlyMap<number, number> | undefined
    await this.until('the log', timeoutMs, async () => {
      ends ??= await this.log.ranges('posts').then(
        (ranges) => new Map(ranges.map(({ partition, end }) => [partition, end])),
        () => undefined,
      )
      return ends !== undefined
    })
    await this.until('progress', timeoutMs, async () => {
      const positions = await this.positions()
      return (
        positions !== undefined &&
        [...(ends ?? [])].every(([partition, end]) => end === 0 || (positions.get(partition) ?? 0) >= end)
      )
    })
    return systemClock.now() - startedMs
  }

  /** Runs a verb to its end. */
  driftline(...args: readonly string[]): Promise<Answer> {
    return answerOf(args, this.#env)
  }

  async until(what: string, timeoutMs: number, holds: () => Promise<boolean>): Promise<void> {
    const deadline = systemClock.now() + timeoutMs
    while (!(await holds())) {
      if (systemClock.now() > deadline) {
        const said = JSON.stringify(await this.statuses())
        throw new Error(
          `waited ${timeoutMs} ms in vain for ${what}; ended: ${this.dead().join(', ')}; score says ${said}`,
        )
      }
      await systemClock.sleep(100)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      end(this.#ingest, 'SIGTERM'),
      ...[...this.#scorers.values()].map((child) => end(child, 'SIGTERM')),
    ])
    await end(this.#store, 'SIGTERM')
    await this.log[Symbol.asyncDispose]()
    await this.cluster[Symbol.asyncDispose]()
  }

  #spawn(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    return startLogged(args, { ...this.#env, ...env }, join(this.#folder, `${name}.log`))
  }
}
