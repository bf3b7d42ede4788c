import type { Sink } from '../dataflow/sink.ts'
import type { Source } from '../dataflow/source.ts'

/** One record as it lies in a partition of a topic. */
export interface LogRecord {
  readonly partition: number
  /** 0-based, and dense within its partition but for the `holes` of an `EventLog`. */
  readonly offset: number
  /** When the record was appended, in milliseconds since the epoch. */
  readonly appendedAtMs: number
  readonly key: string | null
  readonly value: Uint8Array
}

/** A record to append. The partition is a hash of the key; without a key, records go round in turn. */
export interface NewRecord {
  readonly topic: string
  readonly key: string | null
  readonly value: Uint8Array
}

export interface TopicInfo {
  readonly name: string
  /** Given when the topic is created and never again: a topic deleted and made anew has another one. */
  readonly id: string
  readonly partitions: number
}

/** Offsets held by a partition: `start` ≤ offset < `end`. */
export interface PartitionRange {
  readonly partition: number
  readonly start: number
  readonly end: number
}

/** The next offset to read. */
export type Offset = number

/** Offsets of a partition: `from` ≤ offset < `to`. */
export interface Stretch {
  readonly partition: number
  readonly from: Offset
  readonly to: Offset
}

/** Partitioned, durable, append-only topics: LMDB in one folder, or Kafka. */
export interface EventLog extends AsyncDisposable {
  readonly kind: 'lmdb' | 'kafka'
  /** Creates the topic unless it is there; an existing one keeps its partition count. */
  createTopic(name: string, partitions: number): Promise<TopicInfo>
  /** `undefined` when there is no such topic. */
  topic(name: string): Promise<TopicInfo | undefined>
  topics(): Promise<readonly TopicInfo[]>
  ranges(topic: string): Promise<readonly PartitionRange[]>
  /**
   * The offsets that hold no record, as stretches in order: in Kafka, where a transaction was taken back or ended, or
   * compaction removed a record. The embedded log has none. May read the whole stretch; it must lie in `ranges`.
   */
  holes(topic: string, stretch: Stretch, signal: AbortSignal): AsyncIterable<Stretch>
  /**
   * Reads a topic; the partitions are named '0', '1', … A position before `start` (retention took it) or past `end`
   * fails with `TOPIC_RECREATED`, never skips.
   *
   * @param untilEnd each partition ends at the offset that was its end when it was opened, instead of waiting for more
   * @param group processes that name the same one share the partitions of a Kafka topic; without it, and in the embedded
   *   log, each reads all of them
   */
  source(topic: string, options?: { readonly untilEnd?: boolean; readonly group?: string }): Source<LogRecord, Offset>
  /**
   * Appends durably. Records and the producer's checkpoint commit together, filed under `producer` and the partition of
   * the source they came from, so a producer that is killed and started again repeats nothing.
   */
  sink<Position>(producer: string): Sink<NewRecord, Position>
  /** Forgets a producer's checkpoints, so that its next run starts from the beginning. */
  forgetProducer(producer: string): Promise<void>
  /** Consumer positions are for lag tools only: what a job resumes from is stored with its results. */
  commit(group: string, topic: string, partition: number, next: Offset): Promise<void>
  committed(group: string, topic: string): Promise<ReadonlyMap<number, Offset>>
}
