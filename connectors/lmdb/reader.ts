import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import type { Reader } from '../../dataflow/source.ts'
import type { LogRecord, Offset } from '../event-log.ts'
import { ChunkCursor } from './chunk.ts'
import { type Env, guarded, type Head, type StoredTopic } from './env.ts'

/** A read ends here even when more was asked for: 2,048 records of the largest size would be 2 GiB. */
const readBytes = 8 * 1024 * 1024
const waitMs = 100
/** An idle reader looks again after 1, 2, 4 … 16 ms. Four of them together take 1 to 2 % of a core. */
const longestPollMs = 16

export interface ReaderOptions {
  readonly env: Env
  readonly clock: Clock
  readonly topic: StoredTopic
  readonly partition: number
  /** Absent: the oldest record held. */
  readonly from: Offset | undefined
  /** End at what is the partition's end now. */
  readonly untilEnd: boolean
  readonly signal: AbortSignal
}

/** @throws DriftlineError `TOPIC_RECREATED` when `from` lies outside of what the partition holds */
export function openReader(options: ReaderOptions): Reader<LogRecord, Offset> {
  const { env, clock, topic, partition, signal } = options
  const opened = head()
  const limit = options.untilEnd ? opened.end : Number.POSITIVE_INFINITY
  let next = options.from ?? opened.start
  if (next > opened.end) throw recreated(`it ends at ${opened.end}, we had read up to ${next}`)
  let cursor = startingCursor(opened)
  let pollMs = 1

  function recreated(reason: string): DriftlineError {
    return new DriftlineError('TOPIC_RECREATED', { reason, topic: topic.name, partition })
  }

  function missing(): Error {
    return new Error(`offset ${next} is missing in partition ${partition} of ${topic.name}`)
  }

  function head(): Head {
    env.records.resetReadTxn() // otherwise this turn of the event loop keeps the snapshot it already has
    const held = env.heads.get([topic.number, partition])
    if (held === undefined) throw recreated('it was deleted')
    return held
  }

  /** `next` may lie inside a chunk; later chunks begin exactly where the one before ended. */
  function startingCursor({ start, end }: Head): ChunkCursor | undefined {
    if (next < start) throw recreated(`retention has removed the records before ${start}, we had read up to ${next}`)
    if (next === end) return undefined
    const [first] = env.chunks.getKeys({
      start: [topic.number, partition, next],
      end: [topic.number, partition, -1],
      reverse: true,
      limit: 1,
    })
    const bytes = first && env.chunks.getBinary(first)
    if (!bytes) throw missing()
    const found = new ChunkCursor(bytes, partition, first[2])
    found.skipTo(next)
    return found
  }

  function nextCursor(): ChunkCursor | undefined {
    const bytes = env.chunks.getBinary([topic.number, partition, next])
    return bytes && new ChunkCursor(bytes, partition, next)
  }

  function read(max: number): LogRecord[] {
    const items: LogRecord[] = []
    for (let bytes = 0; items.length < max && next < limit && bytes < readBytes; ) {
      let item = cursor?.next()
      if (item === undefined) {
        cursor = nextCursor()
        item = cursor?.next()
      }
      if (item === undefined) break
      items.push(item)
      bytes += item.value.length
      next++
    }
    return items
  }

  return {
    async next(max) {
      const deadline = clock.now() + waitMs
      for (;;) {
        const items = guarded(env, 'LOG_UNAVAILABLE', () => read(max))
        if (items.length > 0) {
          pollMs = 1
          return items
        }
        if (next >= limit) return undefined
        // Not there: is it still to come, or did retention or a deletion take it?
        const held = guarded(env, 'LOG_UNAVAILABLE', head)
        if (next < held.start) throw recreated(`retention has removed the records before ${held.start}`)
        if (next < held.end) {
          cursor = nextCursor()
          if (cursor === undefined) throw missing()
          continue
        }
        if (signal.aborted || clock.now() >= deadline) return []
        await clock.sleep(pollMs)
        pollMs = Math.min(pollMs * 2, longestPollMs)
      }
    },
    position: () => next,
    [Symbol.asyncDispose]: async () => {},
  }
}
