import { DriftlineError } from '../../core/errors.ts'
import type { PartitionRange, TopicInfo } from '../event-log.ts'
import { earliest, latest, listOffsets } from './apis/read.ts'
import { createTopics, deleteTopics, describeConfigs } from './apis/topics.ts'
import type { Cluster, Topic } from './cluster.ts'
import { kafkaErrorName, kafkaErrors, refused, unavailableAs } from './failures.ts'

export interface TopicSettings {
  /** -1: the cluster's default. */
  readonly replication: number
  readonly configs: Readonly<Record<string, string>>
}

/** How long brokers may take to make or remove a topic, in milliseconds. They answer when it is done, so we wait as long. */
const timeoutMs = 10_000
/** Kafka's own default for a batch, which holds at least one record. */
const defaultBatchBytes = 1_048_588

/** What topics there are and what they hold. */
export class Topics {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Creates the topic unless it is there. @throws DriftlineError `LOG_UNAVAILABLE`, `CONFIG_INVALID` */
  async create(name: string, partitions: number, { replication, configs }: TopicSettings): Promise<TopicInfo> {
    const existing = await this.#cluster.topic(name)
    if (existing !== undefined) return infoOf(existing)
    const request = { name, partitions, replication, configs, timeoutMs }
    const [created] = await (await this.#cluster.controller()).request(createTopics, request, timeoutMs)
    const error = created?.error ?? kafkaErrors.none
    if (error !== kafkaErrors.none && error !== kafkaErrors.topicAlreadyExists) {
      const reason = `Kafka did not create it: ${created?.reason ?? kafkaErrorName(error)}`
      throw new DriftlineError(isTemporary(error) ? 'LOG_UNAVAILABLE' : 'CONFIG_INVALID', { reason, topic: name })
    }
    // It is made once its leaders know of it too, which they learn a moment after whoever made it.
    const deadline = performance.now() + timeoutMs
    for (;;) {
      try {
        const made = await this.existing(name)
        await this.ends(made)
        return infoOf(made)
      } catch (error) {
        if (performance.now() > deadline) throw unavailableAs('LOG_UNAVAILABLE', error)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  async delete(name: string): Promise<void> {
    const [answer] = await (await this.#cluster.controller()).request(deleteTopics, { name, timeoutMs }, timeoutMs)
    if (
      answer !== undefined &&
      answer.error !== kafkaErrors.none &&
      answer.error !== kafkaErrors.unknownTopicOrPartition
    ) {
      throw refused('LOG_UNAVAILABLE', `to delete topic ${name}`, answer.error)
    }
  }

  async find(name: string): Promise<TopicInfo | undefined> {
    const topic = await this.#cluster.topic(name)
    return topic && infoOf(topic)
  }

  async all(): Promise<readonly TopicInfo[]> {
    return (await this.#cluster.topics()).map(infoOf)
  }

  /** @throws DriftlineError `SOURCE_UNAVAILABLE` when it is not there */
  async existing(name: string): Promise<Topic> {
    const topic = await this.#cluster.topic(name)
    if (topic === undefined) throw new DriftlineError('SOURCE_UNAVAILABLE', { topic: name, reason: 'no such topic' })
    return topic
  }

  /** What partitions hold, as a consumer of committed records sees it. */
  async ranges(
    topic: Topic,
    partitions: readonly number[] = [...topic.leaders.keys()],
  ): Promise<readonly PartitionRange[]> {
    const [starts, ends] = await Promise.all([
      this.#offsets(topic, partitions, earliest),
      this.#offsets(topic, partitions, latest),
    ])
    return partitions.map((partition) => ({
      partition,
      start: starts.get(partition) ?? 0,
      end: ends.get(partition) ?? 0,
    }))
  }

  async ends(topic: Topic): Promise<ReadonlyMap<number, number>> {
    return this.#offsets(topic, [...topic.leaders.keys()], latest)
  }

  /** The largest batch that a topic takes, in bytes. */
  async largestBatch(name: string): Promise<number> {
    const { error, configs } = await this.#cluster.request(describeConfigs, {
      topic: name,
      names: ['max.message.bytes'],
    })
    const value = error === 0 ? configs[0]?.value : undefined // who may not ask gets the default
    return value === undefined || value === null ? defaultBatchBytes : Number(value)
  }

  async #offsets(topic: Topic, partitions: readonly number[], at: number): Promise<ReadonlyMap<number, number>> {
    const byLeader = new Map<number, number[]>()
    for (const partition of partitions) {
      const leader = topic.leaders[partition] ?? -1
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition])
    }
    const answers = await Promise.all(
      [...byLeader].map(([leader, led]) =>
        this.#cluster.to(leader, 'data').request(listOffsets, { topic: topic.name, partitions: led, at }),
      ),
    )
    const offsets = new Map<number, number>()
    for (const { partition, error, offset } of answers.flat()) {
      if (error !== 0) throw refused('LOG_UNAVAILABLE', 'to tell offsets', error, { topic: topic.name, partition })
      offsets.set(partition, offset)
    }
    return offsets
  }
}

/** Worth another try: the cluster is starting, or too few of its brokers are up. */
const isTemporary = (error: number): boolean => temporary.has(error)
const temporary: ReadonlySet<number> = new Set([
  kafkaErrors.requestTimedOut,
  kafkaErrors.notController,
  kafkaErrors.invalidReplicationFactor,
])

const infoOf = ({ name, id, leaders }: Topic): TopicInfo => ({ name, id, partitions: leaders.length })
