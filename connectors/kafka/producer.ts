import { initProducerId, type ProducePart, produce } from './apis/write.ts'
import type { Cluster, Topic } from './cluster.ts'
import type { Compression } from './compression.ts'
import { kafkaErrors, leadershipErrors, refused } from './failures.ts'
import { encodeBatch, type NewBatch } from './record-batch.ts'
import type { Topics } from './topics.ts'

/** How long a broker may wait for its replicas. */
const replicationTimeoutMs = 10_000

/** Encoded batches of one partition, in order: the first is sent first, and leaves the queue once it is acknowledged. */
export interface Outbox {
  readonly topic: string
  readonly partition: number
  readonly batches: { readonly records: Buffer; readonly count: number }[]
  /** The offset behind its last acknowledged batch; -1 before the first. */
  end: number
}

/** The broker has forgotten the producer or its place: what it has of the batches sent last must be looked up in the log. */
export class ProducerLost extends Error {
  override readonly name = 'ProducerLost'
}

/** A batch that is larger than the topic takes. */
export class BatchTooLarge extends Error {
  override readonly name = 'BatchTooLarge'
}

/**
 * An idempotent producer: batches carry its id and count up per partition, so that a batch that is sent again, because
 * nobody knows whether it had arrived, is stored once. One batch per partition is under way at a time.
 */
export class IdempotentProducer {
  readonly #cluster: Cluster
  readonly #topics: Topics
  #identity: { readonly producer: bigint; readonly epoch: number } | undefined
  readonly #sequences = new Map<string, number>()
  readonly #known = new Map<string, Topic>()

  constructor(cluster: Cluster, topics: Topics) {
    this.#cluster = cluster
    this.#topics = topics
  }

  /** Before the first batch. @throws DriftlineError `LOG_UNAVAILABLE` */
  async begin(): Promise<void> {
    if (this.#identity !== undefined) return
    const { error, producer, epoch } = await this.#cluster.request(initProducerId, null)
    if (error !== 0) throw refused('LOG_UNAVAILABLE', 'to number a producer', error)
    this.#identity = { producer, epoch }
  }

  /** Encodes a batch under the next numbers of its partition. Batches must be sent in the order in which they were made. */
  encode(
    topic: string,
    partition: number,
    records: NewBatch['records'],
    nowMs: number,
    compression: Compression,
  ): Buffer {
    if (this.#identity === undefined) throw new Error('the producer has not begun')
    const key = `${topic} ${partition}`
    const sequence = this.#sequences.get(key) ?? 0
    this.#sequences.set(key, (sequence + records.length) % 2 ** 31)
    return encodeBatch({ ...this.#identity, sequence, nowMs, compression, records })
  }

  /** The topic as it was when it was last looked at. @throws DriftlineError `SOURCE_UNAVAILABLE` when there is none */
  async topic(name: string): Promise<Topic> {
    const known = this.#known.get(name) ?? (await this.#topics.existing(name))
    this.#known.set(name, known)
    return known
  }

  /**
   * Sends until every outbox is empty. After a failure the same outboxes can be sent again.
   *
   * @throws DriftlineError `LOG_UNAVAILABLE`; `ProducerLost`; `BatchTooLarge`
   */
  async send(outboxes: readonly Outbox[]): Promise<void> {
    for (;;) {
      const waiting = outboxes.filter(({ batches }) => batches.length > 0)
      if (waiting.length === 0) return
      const byLeader = new Map<number, Outbox[]>()
      for (const outbox of waiting) {
        const leader = (await this.topic(outbox.topic)).leaders[outbox.partition] ?? -1
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), outbox])
      }
      const sent = await Promise.allSettled([...byLeader].map(([leader, led]) => this.#sendTo(leader, led)))
      const failed = sent.find((result) => result.status === 'rejected')
      if (failed !== undefined) {
        this.#known.clear() // leadership may have moved
        throw failed.reason
      }
    }
  }

  async #sendTo(leader: number, outboxes: readonly Outbox[]): Promise<void> {
    const parts = outboxes.map(({ topic, partition, batches }): ProducePart => {
      const [first] = batches
      if (first === undefined) throw new Error('an empty outbox is not sent')
      return { topic, partition, records: first.records }
    })
    const request = { parts, timeoutMs: replicationTimeoutMs }
    const answers = await this.#cluster.to(leader, 'produce').request(produce, request, replicationTimeoutMs)
    let failure: unknown
    for (const { topic, partition, error, baseOffset } of answers) {
      const outbox = outboxes.find((candidate) => candidate.topic === topic && candidate.partition === partition)
      if (outbox === undefined) continue
      if (error === kafkaErrors.none || error === kafkaErrors.duplicateSequence) {
        const done = outbox.batches.shift()
        if (error === kafkaErrors.none && baseOffset >= 0) outbox.end = baseOffset + (done?.count ?? 0)
      } else failure = failureOf(error, topic, partition)
    }
    if (failure !== undefined) throw failure
  }
}

const lost: ReadonlySet<number> = new Set([
  kafkaErrors.outOfOrderSequence,
  kafkaErrors.invalidProducerEpoch,
  kafkaErrors.unknownProducer,
])

function failureOf(error: number, topic: string, partition: number): unknown {
  if (lost.has(error)) return new ProducerLost(`${topic} ${partition}: ${error}`)
  if (error === kafkaErrors.messageTooLarge) return new BatchTooLarge(`${topic} ${partition}`)
  const what = leadershipErrors.has(error) ? 'records, because leadership moves,' : 'records'
  return refused('LOG_UNAVAILABLE', what, error, { topic, partition })
}
