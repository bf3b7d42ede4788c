import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '../core/clock.ts'
import { DriftlineError } from '../core/errors.ts'
import { type Log, silentLog } from '../core/log.ts'
import type { EventLog, PartitionRange, TopicInfo } from './event-log.ts'
import { openAppender } from './lmdb/appender.ts'
import { type Env, guarded, openEnv, type StoredTopic } from './lmdb/env.ts'
import { openReader } from './lmdb/reader.ts'
import { type Retention, sweepDropped, trimTopic } from './lmdb/retention.ts'

export interface LmdbLogOptions {
  /** Default: for ever. */
  readonly retention?: Retention
  readonly clock?: Clock
  readonly log?: Log
}

/** The embedded event log. What it has beyond the contract serves operators and tests. */
export interface LmdbLog extends EventLog {
  readonly kind: 'lmdb'
  /** Forgets the topic at once; `trim` removes its records. */
  deleteTopic(name: string): Promise<void>
  /**
   * Applies the retention now, in short transactions. Writing does so too, and a log with an open sink does it each minute.
   *
   * @returns chunks removed
   */
  trim(): Promise<number>
}

const topicName = /^[A-Za-z0-9._-]{1,200}$/
const trimChunks = 256
const upkeepMs = 60_000

/**
 * Opens the log that lies in `folder`, making it if need be. Any number of processes may open it; writers take turns at a
 * lock that the operating system frees when its holder is killed.
 *
 * _Delivery_: a write resolves when its records and its checkpoint are on disk (one LMDB transaction, fsync included), and
 * only then does a reader see them. Killing any process at any moment neither loses nor tears what was acknowledged. The
 * commit is synchronous: it holds the event loop for the fsync, 4 to 12 ms on the machine it was measured on, so write
 * hundreds of records at once.
 *
 * @throws DriftlineError `LOG_UNAVAILABLE`
 */
export function openLmdbLog(folder: string, options: LmdbLogOptions = {}): LmdbLog {
  const clock = options.clock ?? systemClock
  const log = options.log ?? silentLog
  const retention = options.retention ?? { ageMs: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }
  const env = openEnv(folder)
  const storedTopic = (name: string): StoredTopic | undefined => {
    env.records.resetReadTxn()
    return env.topics.get(name)
  }

  const transact = <Result>(action: () => Result): Result =>
    guarded(env, 'LOG_UNAVAILABLE', () => env.records.transactionSync(action))
  const closing = new AbortController()
  let upkeep: Promise<void> | undefined

  async function inSteps(step: () => number): Promise<number> {
    for (let total = 0; ; ) {
      const removed = transact(step)
      total += removed
      if (removed < trimChunks) return total
    }
  }

  async function trim(): Promise<number> {
    env.records.readerCheck() // the snapshot of a killed reader would keep freed pages from being used again
    let removed = 0
    for (const topic of [...env.topics.getRange().map(({ value }) => value)]) {
      removed += await inSteps(() => trimTopic(env, topic, retention, clock.now(), trimChunks))
    }
    return removed + (await inSteps(() => sweepDropped(env, trimChunks)))
  }

  async function trimEachMinute(): Promise<void> {
    while (!closing.signal.aborted) {
      await trim().catch((error) => log.warn({ err: error }, 'retention could not be applied'))
      await clock.sleep(upkeepMs, closing.signal).catch(() => closing.signal.aborted)
    }
  }

  return {
    kind: 'lmdb',

    async createTopic(name, partitions) {
      if (!topicName.test(name)) throw new RangeError(`not a topic name: ${JSON.stringify(name)}`)
      if (!Number.isInteger(partitions) || partitions < 1) throw new RangeError(`not a partition count: ${partitions}`)
      return transact(() => {
        const existing = env.topics.get(name)
        if (existing !== undefined) return infoOf(existing)
        const topic = { name, id: randomUUID(), partitions, number: nextNumber(env) }
        env.topics.putSync(name, topic)
        const oldestMs = clock.now()
        for (let partition = 0; partition < partitions; partition++) {
          env.heads.putSync([topic.number, partition], { start: 0, end: 0, bytes: 0, oldestMs })
        }
        return infoOf(topic)
      })
    },

    async topic(name) {
      const topic = storedTopic(name)
      return topic && infoOf(topic)
    },

    async topics() {
      env.records.resetReadTxn()
      return [...env.topics.getRange().map(({ value }) => infoOf(value))]
    },

    async ranges(name) {
      const topic = storedTopic(name)
      if (topic === undefined) throw noSuchTopic(name)
      return Array.from({ length: topic.partitions }, (_, partition): PartitionRange => {
        const head = env.heads.get([topic.number, partition])
        return { partition, start: head?.start ?? 0, end: head?.end ?? 0 }
      })
    },

    async *holes() {},

    source: (name, { untilEnd = false } = {}) => ({
      name: `log ${name}`,
      async *assignments() {
        const topic = storedTopic(name)
        if (topic === undefined) throw noSuchTopic(name)
        yield Array.from({ length: topic.partitions }, (_, partition) => String(partition))
      },
      async open(partition, from, signal) {
        const topic = storedTopic(name)
        if (topic === undefined) throw noSuchTopic(name)
        const options = { env, clock, topic, partition: Number(partition), from, untilEnd, signal }
        return guarded(env, 'LOG_UNAVAILABLE', () => openReader(options))
      },
    }),

    sink: (producer) => ({
      name: `log (${producer})`,
      delivery: 'effectively-once',
      async open(sourcePartition) {
        upkeep ??= trimEachMinute()
        return openAppender({ env, clock, retention, producer, sourcePartition })
      },
    }),

    async forgetProducer(producer) {
      transact(() => {
        const keys: [string, string][] = []
        for (const key of env.producers.getKeys({ start: [producer, ''] })) {
          if (key[0] !== producer) break
          keys.push(key)
        }
        for (const key of keys) env.producers.removeSync(key)
      })
    },

    async commit(group, topicName, partition, next) {
      const topic = storedTopic(topicName)
      if (topic === undefined) throw noSuchTopic(topicName)
      await env.consumers.put([group, topicName, partition], { topicId: topic.id, next })
    },

    async committed(group, topicName) {
      const positions = new Map<number, number>()
      const topic = storedTopic(topicName)
      env.consumers.resetReadTxn()
      const range = { start: [group, topicName, 0], end: [group, topicName, Number.MAX_SAFE_INTEGER] }
      for (const { key, value } of env.consumers.getRange(range)) {
        if (value.topicId === topic?.id) positions.set(key[2], value.next)
      }
      return positions
    },

    async deleteTopic(name) {
      transact(() => {
        const topic = env.topics.get(name)
        if (topic === undefined) return
        env.topics.removeSync(name)
        for (let partition = 0; partition < topic.partitions; partition++) {
          env.heads.removeSync([topic.number, partition])
        }
        env.dropped.putSync(topic.number, topic.partitions)
      })
    },

    trim,

    async [Symbol.asyncDispose]() {
      closing.abort()
      await upkeep
      await Promise.all([env.records.close(), env.consumers.close()])
    },
  }
}

const infoOf = ({ name, id, partitions }: StoredTopic): TopicInfo => ({ name, id, partitions })

const noSuchTopic = (topic: string) => new DriftlineError('SOURCE_UNAVAILABLE', { topic, reason: 'no such topic' })

/** Numbers are never used twice, so that a reader of a deleted topic cannot find itself in another one. */
function nextNumber(env: Env): number {
  const number = env.counters.get('topics') ?? 0
  env.counters.putSync('topics', number + 1)
  return number
}
