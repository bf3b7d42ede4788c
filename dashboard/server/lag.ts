import type { EventLog } from '../../connectors/event-log.ts'
import { DriftlineError } from '../../core/errors.ts'
import type { PartitionStatus } from '../../core/status.ts'
import type { LogLag, PartitionLag } from '../protocol.ts'
import type { RowPosition } from './live-store.ts'

/** The group under which the score job commits its positions. */
export const scoreGroup = 'score'

/**
 * What waits in each partition. The position is the furthest of what the rows, the score job's commits and its status
 * say: rows are the newest but know nothing of refused posts, commits and status are up to a second old.
 *
 * @param rows as ClickHouse had them last; of another topic of that name they do not count
 * @throws DriftlineError `LOG_UNAVAILABLE`
 */
export async function readLag(
  log: EventLog,
  topic: string,
  scoring: readonly PartitionStatus[],
  rows: readonly RowPosition[],
  nowMs: number,
): Promise<LogLag> {
  const info = await log.topic(topic)
  if (info === undefined) return { topic, partitions: [] }
  const [ranges, committed] = await Promise.all([log.ranges(topic), log.committed(scoreGroup, topic)])
  const partitions = await Promise.all(
    ranges.map(async ({ partition, start, end }): Promise<PartitionLag> => {
      const said = scoring.find((other) => other.topic === topic && other.partition === partition)
      const row = rows.find((other) => other.topicId === info.id && other.partition === partition)
      const position = Math.max(start, committed.get(partition) ?? 0, said?.position ?? 0, row?.next ?? 0)
      const lag = Math.max(0, end - position)
      const oldestMs = lag === 0 ? undefined : await appendedAt(log, topic, partition, position)
      return {
        partition,
        position,
        end,
        lag,
        lagSeconds: oldestMs === undefined ? 0 : Math.max(0, nowMs - oldestMs) / 1000,
        ...stateOf(said, position, end),
      }
    }),
  )
  return { topic, partitions }
}

function stateOf(
  said: PartitionStatus | undefined,
  position: number,
  end: number,
): Pick<PartitionLag, 'state' | 'detail'> {
  if (said !== undefined && said.state !== 'ok') return { state: said.state, detail: said.reason ?? '' }
  if (position > end) return { state: 'halted', detail: `it ends at ${end}, and ${position} had been scored` }
  return { state: 'ok', detail: '' }
}

/** When the record at an offset was appended; `undefined` when retention took it this very moment. */
async function appendedAt(
  log: EventLog,
  topic: string,
  partition: number,
  offset: number,
): Promise<number | undefined> {
  try {
    const source = log.source(topic, { untilEnd: true })
    const reader = await source.open(String(partition), offset, new AbortController().signal)
    try {
      for (let tries = 0; tries < 20; tries++) {
        const records = await reader.next(1) // empty while a broker is being asked
        if (records === undefined || records.length > 0) return records?.[0]?.appendedAtMs
      }
      return undefined
    } finally {
      await reader[Symbol.asyncDispose]()
    }
  } catch (error) {
    if (error instanceof DriftlineError && error.code === 'TOPIC_RECREATED') return undefined
    throw error
  }
}
