import { deserialize, serialize } from 'node:v8'
import type { Clock } from '../../core/clock.ts'
import type { Checkpoint } from '../../dataflow/sink.ts'
import type { Cluster } from './cluster.ts'
import type { Fetcher } from './fetcher.ts'
import { IdempotentProducer, type Outbox } from './producer.ts'
import { scan } from './scan.ts'
import type { Topics } from './topics.ts'

/** What a producer knows of itself after a write. */
export interface ProducerState {
  /** `undefined` before its first write is done. */
  readonly checkpoint: Checkpoint<unknown> | undefined
  /** Records written up to the checkpoint; those behind it count on from here. */
  readonly count: number
  /** Offsets from which on the records behind the checkpoint lie: by topic, its identity and one offset per partition. */
  readonly ends: Readonly<Record<string, { readonly id: string; readonly offsets: readonly number[] }>>
}

export interface CheckpointOptions {
  readonly cluster: Cluster
  readonly topics: Topics
  readonly fetcher: Fetcher
  readonly clock: Clock
  /** The compacted topic that keeps them. */
  readonly topic: string
  readonly replication: number
}

const settings = {
  'cleanup.policy': 'compact',
  // Compaction leaves the newest segment alone, and whoever starts reads all of it: 8 MB are read in a fraction of a second.
  'segment.bytes': String(8 * 1024 * 1024),
  'min.cleanable.dirty.ratio': '0.1',
  'max.compaction.lag.ms': String(24 * 3_600_000),
}

/** Producers' checkpoints, in a compacted topic of one partition: the last record of a key is what counts. */
export class Checkpoints {
  readonly #options: CheckpointOptions
  #isThere: Promise<unknown> | undefined

  constructor(options: CheckpointOptions) {
    this.#options = options
  }

  get topic(): string {
    return this.#options.topic
  }

  /** @throws DriftlineError `LOG_UNAVAILABLE` */
  async ensureTopic(): Promise<void> {
    const { topics, topic, replication } = this.#options
    this.#isThere ??= topics.create(topic, 1, { replication, configs: settings })
    try {
      await this.#isThere
    } catch (error) {
      this.#isThere = undefined
      throw error
    }
  }

  /** The last state of a producer and source partition. @throws DriftlineError `LOG_UNAVAILABLE`, `SOURCE_UNAVAILABLE` */
  async read(producer: string, sourcePartition: string, signal: AbortSignal): Promise<ProducerState | undefined> {
    const key = keyOf(producer, sourcePartition)
    let last: Uint8Array | undefined
    await this.#each(signal, (found, value) => {
      if (found === key) last = value
    })
    return last === undefined || last.length === 0 ? undefined : (deserialize(last) as ProducerState)
  }

  /** The record that makes `state` the last one, once it is sent to the only partition of `topic`. */
  record(producer: string, sourcePartition: string, state: ProducerState) {
    return { key: Buffer.from(keyOf(producer, sourcePartition)), value: serialize(state), mark: undefined }
  }

  /** @throws DriftlineError `LOG_UNAVAILABLE`, `SOURCE_UNAVAILABLE` */
  async forget(producer: string, signal: AbortSignal): Promise<void> {
    const { cluster, topics, topic, clock } = this.#options
    const keys = new Map<string, boolean>()
    await this.#each(signal, (key, value) => {
      if (key.startsWith(keyOf(producer, ''))) keys.set(key, value.length > 0)
    })
    const held = [...keys].filter(([, isHeld]) => isHeld).map(([key]) => key)
    if (held.length === 0) return
    const sender = new IdempotentProducer(cluster, topics)
    await sender.begin()
    const records = held.map((key) => ({ key: Buffer.from(key), value: null, mark: undefined }))
    const batch = sender.encode(topic, 0, records, clock.now(), 'none')
    const outbox: Outbox = { topic, partition: 0, batches: [{ records: batch, count: records.length }], end: -1 }
    await sender.send([outbox])
  }

  async #each(signal: AbortSignal, see: (key: string, value: Uint8Array) => void): Promise<void> {
    const { cluster, topics, fetcher, clock, topic: name } = this.#options
    const topic = await cluster.topic(name)
    if (topic === undefined) return
    const [range] = await topics.ranges(topic)
    if (range === undefined) return
    const stretch = { partition: 0, from: range.start, to: range.end }
    for await (const records of scan(fetcher, clock, topic, stretch, signal)) {
      for (const { key, value } of records) if (key !== null) see(key, value)
    }
  }
}

const keyOf = (producer: string, sourcePartition: string): string => `${producer}\u0000${sourcePartition}`
