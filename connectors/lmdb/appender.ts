import { deserialize, serialize } from 'node:v8'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import type { Checkpoint, Writer } from '../../dataflow/sink.ts'
import type { NewRecord } from '../event-log.ts'
import { partitionOf } from '../partitioner.ts'
import { type EncodedRecord, encodeChunks } from './chunk.ts'
import { type Env, guarded, type StoredTopic } from './env.ts'
import { type Retention, trimTopic } from './retention.ts'

/** Largest value of a record, which is also what a Kafka broker takes by default. */
export const maxValueBytes = 1_048_576

export interface AppenderOptions {
  readonly env: Env
  readonly clock: Clock
  readonly retention: Retention
  readonly producer: string
  readonly sourcePartition: string
}

/**
 * One LMDB transaction per write: it takes the next offsets, stores the chunks and files the checkpoint, so two producers
 * never give the same offset and a killed one leaves all of a write or nothing.
 */
export function openAppender<Position>(options: AppenderOptions): Writer<NewRecord, Position> {
  const { env, clock, retention } = options
  const producer: [string, string] = [options.producer, options.sourcePartition]
  const turns = new Map<string, number>()

  function partitionFor(topic: StoredTopic, key: Uint8Array | null): number {
    if (key !== null) return partitionOf(key, topic.partitions)
    const turn = turns.get(topic.name) ?? 0
    turns.set(topic.name, (turn + 1) % topic.partitions)
    return turn
  }

  function byPartition(topic: StoredTopic, records: readonly NewRecord[]): Map<number, EncodedRecord[]> {
    const groups = new Map<number, EncodedRecord[]>()
    for (const { key, value } of records) {
      const encoded = { key: key === null ? null : Buffer.from(key), value }
      const partition = partitionFor(topic, encoded.key)
      const group = groups.get(partition)
      if (group === undefined) groups.set(partition, [encoded])
      else group.push(encoded)
    }
    return groups
  }

  /** @returns chunks written */
  function appendTo(topic: StoredTopic, records: readonly NewRecord[], nowMs: number): number {
    let written = 0
    for (const [partition, group] of byPartition(topic, records)) {
      const head = env.heads.get([topic.number, partition])
      if (head === undefined) throw new Error(`topic ${topic.name} has no partition ${partition}`)
      let { end, bytes } = head
      for (const chunk of encodeChunks(group, nowMs)) {
        env.chunks.putSync([topic.number, partition, end], chunk.bytes)
        end += chunk.count
        bytes += chunk.bytes.length
        written++
      }
      const oldestMs = head.bytes === 0 ? nowMs : head.oldestMs
      env.heads.putSync([topic.number, partition], { start: head.start, end, bytes, oldestMs })
    }
    return written
  }

  function topicOf(name: string): StoredTopic {
    const topic = env.topics.get(name)
    if (topic === undefined) throw new DriftlineError('SINK_UNAVAILABLE', { topic: name, reason: 'no such topic' })
    return topic
  }

  return {
    async checkpoint() {
      env.records.resetReadTxn()
      const stored = env.producers.getBinary(producer)
      return stored && (deserialize(stored) as Checkpoint<Position>)
    },
    async write(items, checkpoint) {
      const tooLarge = items.flatMap(({ value }, index) => (value.length > maxValueBytes ? [index] : []))
      if (tooLarge.length > 0) {
        const reason = `a record may hold ${maxValueBytes} bytes`
        throw new DriftlineError('WRITE_REJECTED', { reason, failed: tooLarge })
      }
      const byTopic = groupByTopic(items)
      const encodedCheckpoint = serialize(checkpoint)
      // Synchronous: lmdb's asynchronous commit, when the disk is full, rejects promises that nobody can catch and leaves
      // others pending. Whatever throws aborts the transaction as a whole.
      const append = () => {
        if (env.producers.getBinary(producer)?.equals(encodedCheckpoint)) return // repeated: it is there already
        const topics = [...byTopic.keys()].map(topicOf)
        const nowMs = clock.now()
        for (const topic of topics) {
          const written = appendTo(topic, byTopic.get(topic.name) ?? [], nowMs)
          trimTopic(env, topic, retention, nowMs, 2 * written)
        }
        env.producers.putSync(producer, encodedCheckpoint)
      }
      guarded(env, 'SINK_UNAVAILABLE', () => env.records.transactionSync(append))
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

function groupByTopic(records: readonly NewRecord[]): Map<string, NewRecord[]> {
  const groups = new Map<string, NewRecord[]>()
  for (const record of records) {
    const group = groups.get(record.topic)
    if (group === undefined) groups.set(record.topic, [record])
    else group.push(record)
  }
  return groups
}
