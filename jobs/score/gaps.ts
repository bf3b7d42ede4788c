import type { ClickHouseClient } from '@clickhouse/client'
import { select } from '../../clickhouse/queries.ts'
import type { EventLog, Stretch } from '../../connectors/event-log.ts'
import type { PartitionVerdict } from './judge.ts'
import type { VerifiedTopic } from './verify.ts'

/** How many stretches are held in memory at a time. */
const pageSize = 100_000

export interface PartitionOf extends VerifiedTopic {
  readonly topicId: string
  /** The first offset that the log still has of the partition. */
  readonly start: number
  readonly verdict: PartitionVerdict
}

/**
 * The offsets of a partition that are in no table before the position, without those that hold no record either: what is
 * yielded was lost. Where retention has removed the log, nothing tells a hole from a record, and all of it counts.
 */
export async function* lostStretches(
  eventLog: EventLog,
  client: ClickHouseClient,
  of: PartitionOf,
  signal: AbortSignal,
): AsyncGenerator<Stretch> {
  for await (const page of missingStretches(client, of, signal)) {
    const [first, last] = [page[0], page.at(-1)]
    if (first === undefined || last === undefined) continue
    const { partition } = first
    const readable = { partition, from: Math.max(of.start, first.from), to: last.to }
    const holes = readable.from < readable.to ? eventLog.holes(of.topic, readable, signal) : []
    yield* without(page, holes)
  }
}

/** In order of offsets, some at a time. */
async function* missingStretches(
  client: ClickHouseClient,
  { topic, topicId, positionsIn, verdict }: PartitionOf,
  signal: AbortSignal,
): AsyncGenerator<readonly Stretch[]> {
  const { partition, missing, position } = verdict
  const atEnds = missing.map(({ from, to }) => ({ partition, from, to: to + 1 }))
  yield atEnds.filter(({ from }) => from < position)
  for (let from = 0; ; ) {
    const parameters = { topic, topic_id: topicId, partition, positions_in: positionsIn, from, limit: pageSize }
    const rows = await select(client, 'verify_gaps', parameters, signal)
    yield rows
      .filter((row) => row.from_offset < position)
      .map((row) => ({ partition, from: row.from_offset, to: row.to_offset + 1 }))
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageSize) break
    from = last.to_offset + 1
  }
  yield atEnds.filter(({ from }) => from >= position)
}

/** What of `stretches` lies in none of `holes`; both are in order, and stretches of one kind do not overlap. */
export async function* without(
  stretches: Iterable<Stretch>,
  holes: AsyncIterable<Stretch> | Iterable<Stretch>,
): AsyncGenerator<Stretch> {
  const left = [...stretches].reverse()
  for await (const hole of holes) {
    for (let next = left.at(-1); next !== undefined && next.from < hole.to; next = left.at(-1)) {
      left.pop()
      if (next.from < hole.from) yield { ...next, to: Math.min(next.to, hole.from) }
      if (next.to > hole.to) left.push({ ...next, from: hole.to })
    }
  }
  yield* left.reverse()
}
