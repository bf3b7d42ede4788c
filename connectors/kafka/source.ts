import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { alarm } from '../../dataflow/bell.ts'
import type { Reader, Source } from '../../dataflow/source.ts'
import type { LogRecord, Offset } from '../event-log.ts'
import type { Topic } from './cluster.ts'
import { unavailableAs } from './failures.ts'
import { type Fetcher, Subscription } from './fetcher.ts'
import type { Topics } from './topics.ts'

const waitMs = 100

export interface SourceOptions {
  readonly topics: Topics
  readonly fetcher: Fetcher
  readonly clock: Clock
  readonly name: string
  readonly untilEnd: boolean
  /** The partitions that are this process's, again whenever they change; `undefined`: all, for ever. */
  readonly assignments: ((signal: AbortSignal) => AsyncIterable<readonly string[]>) | undefined
  /** How long a position that the partition does not have is looked at again before it is believed, in milliseconds. */
  readonly doubtMs: number
}

/**
 * Reads partitions from positions that the caller keeps. What it reads is bound to the identity the topic had when it was
 * first seen: one made anew under the same name is never read in its place.
 */
export function kafkaSource(options: SourceOptions): Source<LogRecord, Offset> {
  const { topics, fetcher, clock, name, untilEnd, doubtMs } = options
  let known: string | undefined

  async function sameTopic(): Promise<Topic> {
    const topic = await topics.existing(name)
    known ??= topic.id
    return topic
  }

  async function judge(partition: number, from: Offset | undefined, signal: AbortSignal) {
    const startedMs = clock.now()
    for (;;) {
      const topic = await sameTopic()
      const [range] = await topics.ranges(topic, [partition])
      if (range === undefined)
        throw new DriftlineError('SOURCE_UNAVAILABLE', { topic: name, partition, reason: 'no such partition' })
      const reason = whyNot(topic, range, from)
      if (reason === undefined) return { topic, ...range }
      // A broker that has just started may not know yet what it will know in a moment.
      if (clock.now() - startedMs >= doubtMs)
        throw new DriftlineError('TOPIC_RECREATED', { reason, topic: name, partition })
      await clock.sleep(Math.min(500, doubtMs), signal)
    }
  }

  function whyNot(topic: Topic, { start, end }: { start: number; end: number }, from: Offset | undefined) {
    if (topic.id !== known) return `it was made anew: its identity is ${topic.id}, it was ${known}`
    if (from === undefined) return undefined
    if (from > end) return `it ends at ${end}, we had read up to ${from}`
    if (from < start) return `retention has removed the records before ${start}, we had read up to ${from}`
    return undefined
  }

  return {
    name: `Kafka ${name}`,
    async *assignments(signal) {
      if (options.assignments !== undefined) yield* options.assignments(signal)
      else yield (await sameTopic()).leaders.map((_, partition) => String(partition))
    },
    async open(partitionName, from, signal) {
      const partition = Number(partitionName)
      try {
        const { topic, start, end } = await judge(partition, from, signal)
        const subscription = new Subscription(topic, partition, from ?? start, false)
        return openReader(subscription, fetcher, clock, untilEnd ? end : Number.POSITIVE_INFINITY)
      } catch (error) {
        signal.throwIfAborted()
        throw unavailableAs('SOURCE_UNAVAILABLE', error)
      }
    },
  }
}

/** @param limit ends at this offset */
function openReader(
  subscription: Subscription,
  fetcher: Fetcher,
  clock: Clock,
  limit: Offset,
): Reader<LogRecord, Offset> {
  let position = subscription.next
  const unsubscribe = position < limit ? fetcher.subscribe(subscription) : () => undefined
  return {
    async next(max) {
      if (subscription.isEmpty) {
        if (subscription.next >= limit) return undefined
        if (subscription.failure !== undefined) throw subscription.failure
        const silence = alarm(clock, waitMs, () => subscription.bell.ring())
        await subscription.bell.wait()
        silence()
      }
      const taken = subscription.take(max)
      fetcher.wake(subscription)
      const records: LogRecord[] = []
      for (const { partition, offset, appendedAtMs, key, value } of taken) {
        if (offset < limit) records.push({ partition, offset, appendedAtMs, key, value })
      }
      if (taken.length > 0) position = Math.min(limit, (taken.at(-1)?.offset ?? position) + 1)
      if (records.length === 0 && taken.length > 0) return undefined
      return records
    },
    position: () => position,
    async [Symbol.asyncDispose]() {
      unsubscribe()
    },
  }
}
