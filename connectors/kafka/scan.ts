import type { Clock } from '../../core/clock.ts'
import { alarm } from '../../dataflow/bell.ts'
import type { Stretch } from '../event-log.ts'
import type { Topic } from './cluster.ts'
import { type Fetcher, Subscription } from './fetcher.ts'
import type { BatchedRecord } from './record-batch.ts'

/**
 * Reads a stretch of a partition, headers included.
 *
 * @throws DriftlineError `SOURCE_UNAVAILABLE`
 */
export async function* scan(
  fetcher: Fetcher,
  clock: Clock,
  topic: Topic,
  stretch: Stretch,
  signal: AbortSignal,
): AsyncGenerator<readonly BatchedRecord[]> {
  const { partition, from, to } = stretch
  if (from >= to) return
  const subscription = new Subscription(topic, partition, from, true)
  const unsubscribe = fetcher.subscribe(subscription)
  try {
    while (subscription.next < to || !subscription.isEmpty) {
      signal.throwIfAborted()
      if (subscription.isEmpty) {
        if (subscription.failure !== undefined) throw subscription.failure
        const silence = alarm(clock, 100, () => subscription.bell.ring())
        await subscription.bell.wait()
        silence()
      }
      const records = subscription.take(1000).filter(({ offset }) => offset < to)
      fetcher.wake(subscription)
      if (records.length > 0) yield records
    }
  } finally {
    unsubscribe()
  }
}

/** The offsets of a stretch that hold no record. @throws DriftlineError `SOURCE_UNAVAILABLE` */
export async function* scanHoles(
  fetcher: Fetcher,
  clock: Clock,
  topic: Topic,
  stretch: Stretch,
  signal: AbortSignal,
): AsyncGenerator<Stretch> {
  const { partition, from, to } = stretch
  let next = from
  for await (const records of scan(fetcher, clock, topic, stretch, signal)) {
    for (const { offset } of records) {
      if (offset > next) yield { partition, from: next, to: offset }
      next = offset + 1
    }
  }
  if (next < to) yield { partition, from: next, to }
}
