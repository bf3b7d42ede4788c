import type { Clock } from '../../core/clock.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { Bell } from '../../dataflow/bell.ts'
import { type Fetched, fetchById, fetchByName } from './apis/read.ts'
import type { Cluster, Topic } from './cluster.ts'
import { kafkaErrorName, kafkaErrors, leadershipErrors } from './failures.ts'
import { type BatchedRecord, decodeBatches } from './record-batch.ts'

/** A broker holds a fetch back for so long when it has nothing new. */
const longPollMs = 100
const requestBytes = 32 * 1024 * 1024
const partitionBytes = 1024 * 1024
/** A reader that holds more than this is left out of the next fetch: that is the back-pressure. */
const bufferedBytes = 4 * 1024 * 1024
/** A broker that fails is asked again at once, and then at most so often. */
const longestPauseMs = 2000

/** What a reader has asked the brokers for. The fetch loop fills it, its reader empties it. */
export class Subscription {
  readonly topic: Topic
  readonly partition: number
  readonly withHeaders: boolean
  /** Rung when there is something to take. */
  readonly bell = new Bell()
  /** The next offset to fetch, behind everything in `records`. */
  next: number
  failure: DriftlineError | undefined
  /** Since when the brokers have failed for it; `undefined` while all is well. */
  failingSinceMs: number | undefined
  #records: BatchedRecord[] = []
  #taken = 0
  #bytes = 0

  constructor(topic: Topic, partition: number, from: number, withHeaders: boolean) {
    this.topic = topic
    this.partition = partition
    this.next = from
    this.withHeaders = withHeaders
  }

  get isHungry(): boolean {
    return this.failure === undefined && this.#bytes < bufferedBytes
  }

  get isEmpty(): boolean {
    return this.#taken === this.#records.length
  }

  deliver(records: readonly BatchedRecord[], next: number): void {
    this.failingSinceMs = undefined
    this.next = next
    if (records.length === 0) return
    this.#records = this.isEmpty ? [...records] : this.#records.slice(this.#taken).concat(records)
    this.#taken = 0
    for (const { value } of records) this.#bytes += value.length + recordCost
    this.bell.ring()
  }

  take(max: number): readonly BatchedRecord[] {
    const taken = this.#records.slice(this.#taken, this.#taken + max)
    this.#taken += taken.length
    for (const { value } of taken) this.#bytes -= value.length + recordCost
    if (this.isEmpty) {
      this.#records = []
      this.#taken = 0
    }
    return taken
  }

  fail(error: DriftlineError): void {
    this.failure ??= error
    this.bell.ring()
  }
}

/** Memory of a record beside its value, roughly. */
const recordCost = 200

export interface FetcherOptions {
  readonly cluster: Cluster
  readonly clock: Clock
  readonly log: Log
  /** How long brokers may fail before readers are told, in milliseconds. */
  readonly patienceMs: number
}

/**
 * Fetches for all readers of a log: one request at a time to each broker, for all partitions that it leads and whose reader
 * has room. A broker that fails or stalls costs its connection only; the next request opens another. After `patienceMs`
 * its readers are told, so that the job can say what it waits for, and open anew.
 */
export class Fetcher {
  readonly #options: FetcherOptions
  readonly #subscriptions = new Map<Subscription, number>()
  readonly #loops = new Map<number, Bell>()
  #closed = false

  constructor(options: FetcherOptions) {
    this.#options = options
  }

  /** Goes on until the function returned is called. */
  subscribe(subscription: Subscription): () => void {
    const leader = subscription.topic.leaders[subscription.partition] ?? -1
    this.#place(subscription, leader)
    return () => {
      this.#subscriptions.delete(subscription)
    }
  }

  /** A reader has made room. */
  wake(subscription: Subscription): void {
    const node = this.#subscriptions.get(subscription)
    if (node !== undefined) this.#loops.get(node)?.ring()
  }

  close(): void {
    this.#closed = true
    for (const bell of this.#loops.values()) bell.ring()
  }

  #place(subscription: Subscription, node: number): void {
    this.#subscriptions.set(subscription, node)
    const bell = this.#loops.get(node)
    if (bell !== undefined) {
      bell.ring()
      return
    }
    this.#loops.set(node, new Bell())
    void this.#loop(node)
  }

  async #loop(node: number): Promise<void> {
    const bell = this.#loops.get(node) ?? new Bell()
    for (let failures = 0; ; ) {
      const wanted = this.#wanted(node)
      if (this.#closed) return
      if (wanted.length === 0) {
        if (![...this.#subscriptions.values()].includes(node)) {
          this.#loops.delete(node)
          return
        }
        await bell.wait()
        continue
      }
      try {
        await this.#fetch(node, wanted)
        failures = 0
      } catch (error) {
        if (this.#closed) return
        this.#failed(wanted, error)
        await this.#options.clock.sleep(Math.min(longestPauseMs, 50 * 2 ** failures++))
        await this.#findLeaders(wanted)
      }
    }
  }

  /** One per partition: the same partition may be read by several readers. */
  #wanted(node: number): Subscription[] {
    const wanted = new Map<string, Subscription>()
    for (const [subscription, at] of this.#subscriptions) {
      if (at !== node || !subscription.isHungry) continue
      const { topic, partition } = subscription
      const key = `${topic.id} ${partition}`
      if (!wanted.has(key)) wanted.set(key, subscription)
    }
    for (const chosen of wanted.values()) {
      const at = this.#subscriptions.get(chosen)
      if (at === undefined) continue
      this.#subscriptions.delete(chosen) // to the end, so that each of several gets its turn
      this.#subscriptions.set(chosen, at)
    }
    return [...wanted.values()]
  }

  async #fetch(node: number, wanted: readonly Subscription[]): Promise<void> {
    const connection = this.#options.cluster.to(node, 'fetch')
    const byId =
      wanted.every(({ topic }) => topic.identified) &&
      (await connection.highestVersion(fetchById.key)) >= fetchById.version
    const parts = wanted.map(({ topic, partition, next }) => ({
      topic: topic.name,
      id: topic.id,
      partition,
      offset: next,
      maxBytes: partitionBytes,
    }))
    const request = { maxWaitMs: longPollMs, maxBytes: requestBytes, parts }
    const { error, parts: fetched } = await connection.request(byId ? fetchById : fetchByName, request, longPollMs)
    if (error !== 0)
      throw new DriftlineError('SOURCE_UNAVAILABLE', { reason: `fetch failed: ${kafkaErrorName(error)}` })
    const moved: Subscription[] = []
    for (const part of fetched) {
      const subscription = wanted.find(
        ({ topic, partition }) => (byId ? topic.id : topic.name) === part.topic && partition === part.partition,
      )
      if (subscription === undefined) continue
      if (part.error === 0) this.#deliver(subscription, part)
      else if (leadershipErrors.has(part.error)) moved.push(subscription)
      else this.#refuse(subscription, part.error)
    }
    if (moved.length === 0) return
    this.#failed(moved, new Error('the partition has moved to another broker, or is gone'))
    await this.#options.clock.sleep(50)
    await this.#findLeaders(moved)
  }

  #deliver(subscription: Subscription, { records, aborted }: Fetched): void {
    const { partition, next: from, withHeaders } = subscription
    try {
      const decoded = decodeBatches(records ?? Buffer.alloc(0), { partition, from, aborted, withHeaders })
      subscription.deliver(decoded.records, decoded.next)
    } catch (error) {
      const { name } = subscription.topic
      const details = { reason: messageOf(error), topic: name, partition, offset: from }
      subscription.fail(new DriftlineError('SOURCE_UNAVAILABLE', details, { cause: error }))
    }
  }

  /** The reader opens anew, and then judges what its position means. */
  #refuse(subscription: Subscription, error: number): void {
    const { topic, partition, next } = subscription
    const reason = error === kafkaErrors.offsetOutOfRange ? 'the partition has no such offset' : kafkaErrorName(error)
    subscription.fail(new DriftlineError('SOURCE_UNAVAILABLE', { reason, topic: topic.name, partition, offset: next }))
  }

  #failed(subscriptions: readonly Subscription[], error: unknown): void {
    const { clock, log, patienceMs } = this.#options
    const now = clock.now()
    for (const subscription of subscriptions) {
      const { topic, partition } = subscription
      if (subscription.failingSinceMs === undefined) {
        subscription.failingSinceMs = now
        log.warn({ err: error, topic: topic.name, partition }, 'fetching failed; connecting anew')
      }
      if (now - subscription.failingSinceMs < patienceMs) continue
      const details = { reason: messageOf(error), topic: topic.name, partition }
      subscription.fail(new DriftlineError('SOURCE_UNAVAILABLE', details, { cause: error }))
    }
  }

  /** Hands the subscriptions to the loops of the brokers that lead them now. */
  async #findLeaders(subscriptions: readonly Subscription[]): Promise<void> {
    const { cluster } = this.#options
    const names = new Set(subscriptions.map(({ topic }) => topic.name))
    for (const name of names) {
      try {
        const topic = await cluster.topic(name)
        if (topic === undefined) throw new Error('there is no such topic')
        for (const subscription of subscriptions) {
          if (subscription.topic.name !== name || !this.#subscriptions.has(subscription)) continue
          if (topic.id !== subscription.topic.id) {
            const details = { reason: 'the topic was made anew', topic: name, partition: subscription.partition }
            subscription.fail(new DriftlineError('SOURCE_UNAVAILABLE', details))
            continue
          }
          const leader = topic.leaders[subscription.partition] ?? -1
          if (leader >= 0) this.#place(subscription, leader)
        }
      } catch (error) {
        this.#failed(subscriptions, error)
      }
    }
  }
}
