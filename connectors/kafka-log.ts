import type { SASLOptions } from 'kafkajs'
import { type Clock, systemClock } from '../core/clock.ts'
import { type Log, silentLog } from '../core/log.ts'
import type { EventLog, TopicInfo } from './event-log.ts'
import { offsetCommit, offsetFetch } from './kafka/apis/group.ts'
import { openAppender } from './kafka/appender.ts'
import { Checkpoints } from './kafka/checkpoints.ts'
import { Cluster } from './kafka/cluster.ts'
import type { Compression } from './kafka/compression.ts'
import type { Address } from './kafka/connection.ts'
import { kafkaErrors, refused, unavailableAs } from './kafka/failures.ts'
import { Fetcher } from './kafka/fetcher.ts'
import { GroupMember, type GroupTimes, groupTimes } from './kafka/group.ts'
import { scanHoles } from './kafka/scan.ts'
import { kafkaSource } from './kafka/source.ts'
import { Topics } from './kafka/topics.ts'

export interface KafkaLogOptions {
  readonly brokers: readonly Address[]
  readonly clientId?: string
  /** PEM texts; absent: no TLS. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined
  readonly sasl?: SASLOptions | undefined
  /** Consumer groups are called `<prefix>.<group>.<topic>`, the topic of the producers' checkpoints `<prefix>.producers`. */
  readonly prefix?: string
  /** Copies of the topics that are made here; -1: the cluster's default. */
  readonly replication?: number
  /** Of the topics that are made here; default: the cluster's. */
  readonly retention?: { readonly ageMs: number; readonly bytes: number }
  readonly compression?: Compression
  /** For connecting and for each answer that is due at once, in milliseconds (default 5,000). */
  readonly timeoutMs?: number
  /** How long brokers may fail before a reader says so (default 3,000). */
  readonly patienceMs?: number
  /** How long a position that a partition does not have is looked at again before it is believed (default 10,000). */
  readonly doubtMs?: number
  readonly groupTimes?: GroupTimes
  readonly clock?: Clock
  readonly log?: Log
}

export interface KafkaLog extends EventLog {
  readonly kind: 'kafka'
  deleteTopic(name: string): Promise<void>
}

export { brokersOf } from './kafka/brokers.ts'
export { canWrite } from './kafka/compression.ts'

/**
 * The event log in a Kafka cluster (Kafka 2.4 and later, or what speaks its protocol). Opening it connects to nothing: each
 * call connects, and after a failure connects again.
 *
 * _Delivery_: a write resolves when all in-sync replicas have its records and then the checkpoint, so `acks=all` and the
 * topic's `min.insync.replicas` say what can be lost. Repeats after a failure, or by a process that was started again, are
 * left out (see `openAppender`). What remains: a producer that is killed while a frozen broker has its request unread in a
 * socket, and is started again before that broker goes on, can append that request's records twice.
 */
export function openKafkaLog(options: KafkaLogOptions): KafkaLog {
  const { brokers, clientId = 'driftline', tls, sasl, prefix = 'driftline', replication = -1, retention } = options
  const { compression = 'none', timeoutMs = 5000, patienceMs = 3000, doubtMs = 10_000 } = options
  const { clock = systemClock, log = silentLog } = options
  const cluster = new Cluster({ brokers, clientId, tls, sasl, timeoutMs, log })
  const topics = new Topics(cluster)
  const fetcher = new Fetcher({ cluster, clock, log, patienceMs })
  const checkpoints = new Checkpoints({ cluster, topics, fetcher, clock, topic: `${prefix}.producers`, replication })
  const members = new Map<string, GroupMember>()
  const closing = new AbortController()
  const groupOf = (group: string, topic: string) => `${prefix}.${group}.${topic}`

  function configsFor(partitions: number): Record<string, string> {
    // A batch of one record of the largest size, and of ours, fits; retention in bytes is per partition in Kafka.
    const largest = { 'max.message.bytes': String(1_048_576 + 65_536) }
    if (retention === undefined) return largest
    const bytes = Math.max(1, Math.floor(retention.bytes / partitions))
    return { ...largest, 'retention.ms': String(Math.round(retention.ageMs)), 'retention.bytes': String(bytes) }
  }

  return {
    kind: 'kafka',

    createTopic: (name, partitions) =>
      topics.create(name, partitions, { replication, configs: configsFor(partitions) }),

    topic: (name) => topics.find(name),

    topics: async (): Promise<readonly TopicInfo[]> =>
      (await topics.all()).filter(({ name }) => name !== checkpoints.topic),

    ranges: async (name) => topics.ranges(await topics.existing(name)),

    async *holes(name, stretch, signal) {
      yield* scanHoles(fetcher, clock, await topics.existing(name), stretch, signal)
    },

    source(name, { untilEnd = false, group } = {}) {
      const shared = group !== undefined && !untilEnd
      async function* assignments(signal: AbortSignal): AsyncGenerator<readonly string[]> {
        const id = groupOf(group ?? '', name)
        const times = options.groupTimes ?? groupTimes
        const member = new GroupMember({ cluster, topics, clock, log, group: id, topic: name, times })
        members.set(id, member)
        try {
          yield* member.assignments(AbortSignal.any([signal, closing.signal]))
        } finally {
          members.delete(id)
        }
      }
      return kafkaSource({
        topics,
        fetcher,
        clock,
        name,
        untilEnd,
        doubtMs,
        assignments: shared ? assignments : undefined,
      })
    },

    sink: (producer) => ({
      name: `Kafka (${producer})`,
      delivery: 'effectively-once',
      async open(sourcePartition, signal) {
        const shared = { cluster, topics, fetcher, checkpoints, clock, compression }
        return openAppender({ ...shared, producer, sourcePartition, signal })
      },
    }),

    async forgetProducer(producer) {
      try {
        await checkpoints.forget(producer, closing.signal)
      } catch (error) {
        throw unavailableAs('LOG_UNAVAILABLE', error)
      }
    },

    async commit(group, topic, partition, next) {
      const id = groupOf(group, topic)
      const positions = new Map([[partition, next]])
      const member = members.get(id)
      if (member !== undefined) return member.commit(positions)
      const nobody = { group: id, generation: -1, member: '' }
      const connection = await cluster.coordinator(id, 'commit')
      await connection.request(offsetCommit, { ...nobody, topic, positions })
    },

    async committed(group, topic) {
      const id = groupOf(group, topic)
      const found = await cluster.topic(topic)
      if (found === undefined) return new Map()
      const connection = await cluster.coordinator(id, 'commit')
      const partitions = [...found.leaders.keys()]
      const { error, positions } = await connection.request(offsetFetch, { group: id, topic, partitions })
      if (error !== kafkaErrors.none) throw refused('LOG_UNAVAILABLE', `to tell positions of ${id}`, error)
      return new Map(positions.filter(({ next }) => next >= 0).map(({ partition, next }) => [partition, next]))
    },

    deleteTopic: (name) => topics.delete(name),

    async [Symbol.asyncDispose]() {
      closing.abort()
      fetcher.close()
      cluster.close()
    },
  }
}
