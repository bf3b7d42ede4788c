import type { ClickHouseClient } from '@clickhouse/client'
import { type QueryRow, select } from '../../clickhouse/queries.ts'
import type { EventLog, PartitionRange } from '../../connectors/event-log.ts'

export interface PartitionVerdict {
  readonly topic: string
  readonly partition: number
  /** Records ever appended, as far as log and table know. */
  readonly appended: number
  readonly scored: number
  readonly dead: number
  /** Appended and not yet scored: they lie behind the position. Waiting is not wrong. */
  readonly waiting: number
  /** Offsets before the position that are in no table. */
  readonly gaps: number
  /** Rows more than offsets. */
  readonly duplicates: number
}

export interface Verification {
  readonly ok: boolean
  readonly appended: number
  readonly scored: number
  readonly dead: number
  readonly waiting: number
  readonly gaps: number
  readonly duplicates: number
  /** Rows of other incarnations of the topics: a topic that was deleted and made anew. */
  readonly foreignRows: number
  readonly partitions: readonly PartitionVerdict[]
  /** The first stretches and offsets that are wrong. */
  readonly findings: readonly Finding[]
}

export type Finding =
  | {
      readonly kind: 'gap'
      readonly topic: string
      readonly partition: number
      readonly from: number
      readonly to: number
    }
  | {
      readonly kind: 'duplicate'
      readonly topic: string
      readonly partition: number
      readonly offset: number
      readonly rows: number
    }
  | {
      readonly kind: 'aggregate'
      readonly view: string
      readonly key: string
      readonly projected: number
      readonly counted: number
    }

const findingLimit = 20

/** Compares the log with the tables, and the aggregates with the rows they stand for. Reads only. */
export async function verify(
  eventLog: EventLog,
  client: ClickHouseClient,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<Verification> {
  const partitions: PartitionVerdict[] = []
  const findings: Finding[] = []
  let foreignRows = 0
  for (const topic of topics) {
    const params = { topic, limit: findingLimit }
    const info = await eventLog.topic(topic)
    const ranges = info === undefined ? [] : await eventLog.ranges(topic)
    const held = await select(client, 'verify_offsets', { topic }, signal)
    const own = held.filter((row) => row.topic_id === info?.id)
    foreignRows += held.filter((row) => row.topic_id !== info?.id).reduce((sum, row) => sum + row.rows, 0)
    for (const range of ranges) {
      const row = own.find(({ partition }) => partition === range.partition)
      partitions.push({ topic, ...judge(range, row) })
    }
    for (const gap of await select(client, 'verify_gaps', params, signal)) {
      findings.push({ kind: 'gap', topic, partition: gap.partition, from: gap.from_offset, to: gap.to_offset })
    }
    for (const { partition, offset, rows } of await select(client, 'verify_duplicates', params, signal)) {
      findings.push({ kind: 'duplicate', topic, partition, offset, rows })
    }
  }
  for (const { aggregate, ...rest } of await select(client, 'verify_aggregates', { limit: findingLimit }, signal)) {
    findings.push({ kind: 'aggregate', view: aggregate, ...rest })
  }
  const total = (field: 'appended' | 'scored' | 'dead' | 'waiting' | 'gaps' | 'duplicates') =>
    partitions.reduce((sum, partition) => sum + partition[field], 0)
  const [gaps, duplicates] = [total('gaps'), total('duplicates')]
  return {
    ok: gaps === 0 && duplicates === 0 && findings.length === 0,
    appended: total('appended'),
    scored: total('scored'),
    dead: total('dead'),
    waiting: total('waiting'),
    gaps,
    duplicates,
    foreignRows,
    partitions,
    findings,
  }
}

/**
 * The table must hold each offset from the first that the log still has, or that the table has (retention may have taken
 * the older ones from the log), to its own last one.
 */
function judge(
  { partition, start, end }: PartitionRange,
  row: QueryRow<'verify_offsets'> | undefined,
): Omit<PartitionVerdict, 'topic'> {
  const first = Math.min(start, row?.first_offset ?? start)
  const position = row === undefined ? first : row.last_offset + 1
  const dead = row?.dead_rows ?? 0
  return {
    partition,
    appended: end - first,
    scored: (row?.rows ?? 0) - dead,
    dead,
    waiting: Math.max(0, end - position),
    gaps: position - first - (row?.offsets ?? 0),
    duplicates: (row?.rows ?? 0) - (row?.offsets ?? 0),
  }
}
