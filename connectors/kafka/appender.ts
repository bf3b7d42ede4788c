import { createHash } from 'node:crypto'
import { serialize } from 'node:v8'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Checkpoint, Writer } from '../../dataflow/sink.ts'
import type { NewRecord } from '../event-log.ts'
import { partitionOf } from '../partitioner.ts'
import type { Checkpoints, ProducerState } from './checkpoints.ts'
import type { Cluster } from './cluster.ts'
import type { Compression } from './compression.ts'
import { unavailableAs } from './failures.ts'
import type { Fetcher } from './fetcher.ts'
import { BatchTooLarge, IdempotentProducer, type Outbox, ProducerLost } from './producer.ts'
import { batchOverhead, markHeader, type NewBatch, recordOverhead } from './record-batch.ts'
import { scan } from './scan.ts'
import type { Topics } from './topics.ts'

/** Largest value of a record, in this log and in the embedded one. */
export const maxValueBytes = 1_048_576

/** Records of a partition are sent in batches of about this size, before compression. */
const batchBytes = 512 * 1024

export interface AppenderOptions {
  readonly cluster: Cluster
  readonly topics: Topics
  readonly fetcher: Fetcher
  readonly checkpoints: Checkpoints
  readonly clock: Clock
  readonly compression: Compression
  readonly producer: string
  readonly sourcePartition: string
  readonly signal: AbortSignal
}

type BatchRecord = NewBatch['records'][number]

/** A write on its way: what of it is not acknowledged yet. */
interface Pending {
  readonly checkpoint: Buffer
  readonly outboxes: readonly Outbox[]
  /** Made once the outboxes are empty, because it names where they ended. */
  closing: { readonly outbox: Outbox; readonly state: ProducerState } | undefined
  readonly items: number
}

/**
 * Appends records, then the checkpoint. Every record carries its number among those of the producer, so what a killed process
 * had appended behind its last checkpoint is found in the log and left out when it comes again; within a process, a write
 * that failed is sent again under the same numbers, which the brokers drop if they have it.
 */
export function openAppender<Position>(options: AppenderOptions): Writer<NewRecord, Position> {
  const { cluster, topics, fetcher, checkpoints, clock, compression, producer, sourcePartition, signal } = options
  const producerHash = createHash('sha256').update(`${producer}\u0000${sourcePartition}`).digest().subarray(0, 8)
  const turns = new Map<string, number>()
  const limits = new Map<string, number>()
  let sender = new IdempotentProducer(cluster, topics)
  let state: ProducerState | undefined
  /** Numbers behind the checkpoint that lie in the log already. */
  let present: ReadonlySet<number> = new Set()
  let pending: Pending | undefined

  async function known(): Promise<ProducerState> {
    if (state !== undefined) return state
    await checkpoints.ensureTopic()
    const stored = (await checkpoints.read(producer, sourcePartition, signal)) ?? {
      checkpoint: undefined,
      count: 0,
      ends: {},
    }
    present = await appendedBehind(stored)
    state = stored
    return stored
  }

  async function appendedBehind({ count, ends }: ProducerState): Promise<Set<number>> {
    const found = new Set<number>()
    for (const [name, { id, offsets }] of Object.entries(ends)) {
      const topic = await cluster.topic(name)
      if (topic === undefined || topic.id !== id) continue
      const look = async ({ partition, start, end }: { partition: number; start: number; end: number }) => {
        const stretch = { partition, from: Math.max(start, offsets[partition] ?? 0), to: end }
        for await (const records of scan(fetcher, clock, topic, stretch, signal)) {
          for (const { headers } of records) {
            const number = numberOf(headers?.get(markHeader), producerHash)
            if (number !== undefined && number >= count) found.add(number)
          }
        }
      }
      await Promise.all((await topics.ranges(topic)).map(look))
    }
    return found
  }

  /** The broker has lost track of us: go on under another identity, after looking up what had arrived. */
  async function beginAnew(): Promise<void> {
    pending = undefined
    sender = new IdempotentProducer(cluster, topics)
    if (state !== undefined) present = await appendedBehind(state)
  }

  /** Notes where topics end before anything is appended to them for the first time. */
  async function withEnds(before: ProducerState, names: Iterable<string>): Promise<ProducerState> {
    const ends = { ...before.ends }
    for (const name of names) {
      const topic = await sender.topic(name)
      if (ends[name]?.id === topic.id && ends[name].offsets.length === topic.leaders.length) continue
      const held = await topics.ends(topic)
      const offsets = topic.leaders.map((_, partition) => ends[name]?.offsets[partition] ?? held.get(partition) ?? 0)
      ends[name] = {
        id: topic.id,
        offsets: ends[name]?.id === topic.id ? offsets : topic.leaders.map((_, p) => held.get(p) ?? 0),
      }
    }
    if (Object.entries(ends).every(([name, end]) => before.ends[name] === end)) return before
    const noted = { ...before, ends }
    await sender.send([closingOutbox(noted)])
    return noted
  }

  function closingOutbox(after: ProducerState): Outbox {
    const records = [checkpoints.record(producer, sourcePartition, after)]
    const batch = sender.encode(checkpoints.topic, 0, records, clock.now(), 'none')
    return { topic: checkpoints.topic, partition: 0, batches: [{ records: batch, count: 1 }], end: -1 }
  }

  async function limitOf(topic: string): Promise<number> {
    const limit = limits.get(topic) ?? (await topics.largestBatch(topic))
    limits.set(topic, limit)
    return limit
  }

  async function refuseTooLarge(items: readonly NewRecord[]): Promise<void> {
    const failed: number[] = []
    for (const [index, { topic, key, value }] of items.entries()) {
      if (value.length > maxValueBytes) failed.push(index)
      else if (value.length > batchBytes) {
        const bytes = value.length + Buffer.byteLength(key ?? '') + recordOverhead + batchOverhead
        if (bytes > (await limitOf(topic))) failed.push(index)
      }
    }
    if (failed.length === 0) return
    throw new DriftlineError('WRITE_REJECTED', {
      reason: `a record may hold ${maxValueBytes} bytes, or less if the topic says so`,
      failed,
    })
  }

  function partitionFor(topic: string, partitions: number, key: Buffer | null): number {
    if (key !== null) return partitionOf(key, partitions)
    const turn = turns.get(topic) ?? 0
    turns.set(topic, (turn + 1) % partitions)
    return turn % partitions
  }

  async function outboxesOf(items: readonly NewRecord[], from: number): Promise<Outbox[]> {
    const groups = new Map<string, { topic: string; partition: number; records: BatchRecord[] }>()
    for (const [index, { topic, key, value }] of items.entries()) {
      const keyBytes = key === null ? null : Buffer.from(key)
      const partition = partitionFor(topic, (await sender.topic(topic)).leaders.length, keyBytes)
      if (present.has(from + index)) continue
      const record = { key: keyBytes, value, mark: markOf(producerHash, from + index) }
      const name = `${topic} ${partition}`
      const group = groups.get(name)
      if (group === undefined) groups.set(name, { topic, partition, records: [record] })
      else group.records.push(record)
    }
    return [...groups.values()].map(({ topic, partition, records }) => ({
      topic,
      partition,
      batches: inBatches(records).map((batch) => ({
        records: sender.encode(topic, partition, batch, clock.now(), compression),
        count: batch.length,
      })),
      end: -1,
    }))
  }

  async function begin(items: readonly NewRecord[], checkpoint: Buffer): Promise<Pending> {
    await refuseTooLarge(items)
    await sender.begin()
    const before = await withEnds(await known(), new Set(items.map(({ topic }) => topic)))
    state = before
    const outboxes = await outboxesOf(items, before.count)
    return { checkpoint, outboxes, closing: undefined, items: items.length }
  }

  async function finish(write: Pending, checkpoint: Checkpoint<Position>): Promise<void> {
    await sender.send(write.outboxes)
    if (write.closing === undefined) {
      const before = await known()
      const count = before.count + write.items
      const isPast = [...present].every((number) => number < count)
      const after = { checkpoint, count, ends: isPast ? endsAfter(before.ends, write.outboxes) : before.ends }
      write.closing = { outbox: closingOutbox(after), state: after }
    }
    await sender.send([write.closing.outbox])
    state = write.closing.state
    pending = undefined
  }

  return {
    async checkpoint() {
      try {
        return (await known()).checkpoint as Checkpoint<Position> | undefined
      } catch (error) {
        throw unavailableAs('SINK_UNAVAILABLE', error)
      }
    },
    async write(items, checkpoint) {
      const encoded = serialize(checkpoint)
      try {
        const { checkpoint: last } = await known()
        if (last !== undefined && serialize(last).equals(encoded)) return // repeated: it is there already
        if (pending !== undefined && !pending.checkpoint.equals(encoded)) await beginAnew()
        pending ??= await begin(items, encoded)
        await finish(pending, checkpoint)
      } catch (error) {
        if (error instanceof ProducerLost) await beginAnew()
        throw sinkFailure(error)
      }
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

function sinkFailure(error: unknown): unknown {
  if (error instanceof ProducerLost || error instanceof BatchTooLarge) {
    return new DriftlineError('SINK_UNAVAILABLE', { reason: `${error.name}: ${messageOf(error)}` }, { cause: error })
  }
  if (error instanceof DriftlineError && error.code === 'SOURCE_UNAVAILABLE') {
    return new DriftlineError('SINK_UNAVAILABLE', error.details, { cause: error })
  }
  return unavailableAs('SINK_UNAVAILABLE', error)
}

function endsAfter(ends: ProducerState['ends'], outboxes: readonly Outbox[]): ProducerState['ends'] {
  const after = Object.fromEntries(
    Object.entries(ends).map(([name, { id, offsets }]) => [name, { id, offsets: [...offsets] }]),
  )
  for (const { topic, partition, end } of outboxes) {
    const own = after[topic]
    if (own !== undefined && end >= 0) own.offsets[partition] = end
  }
  return after
}

function inBatches(records: readonly BatchRecord[]): BatchRecord[][] {
  const batches: BatchRecord[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const record of records) {
    const size = recordOverhead + (record.key?.length ?? 0) + (record.value?.length ?? 0)
    if (bytes + size > batchBytes) {
      batches.push([])
      bytes = batchOverhead
    }
    batches.at(-1)?.push(record)
    bytes += size
  }
  return batches
}

/** 8 bytes that tell the producer, 6 that count. */
function markOf(producerHash: Uint8Array, number: number): Buffer {
  const mark = Buffer.allocUnsafe(14)
  mark.set(producerHash, 0)
  mark.writeUIntBE(number, 8, 6)
  return mark
}

function numberOf(mark: Buffer | undefined, producerHash: Uint8Array): number | undefined {
  if (mark?.length !== 14 || !mark.subarray(0, 8).equals(producerHash)) return undefined
  return mark.readUIntBE(8, 6)
}
