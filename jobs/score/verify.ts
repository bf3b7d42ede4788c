import type { ClickHouseClient } from '@clickhouse/client'
import { select } from '../../clickhouse/queries.ts'
import type { EventLog } from '../../connectors/event-log.ts'
import { lostStretches } from './gaps.ts'
import { judge, type PartitionVerdict } from './judge.ts'

/** A topic, and the table that holds the positions of its partitions. */
export interface VerifiedTopic {
  readonly topic: string
  readonly positionsIn: 'scores' | 'dead_posts'
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
  readonly partitions: readonly (Omit<PartitionVerdict, 'missing'> & { readonly topic: string })[]
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
      /** The log ends before the position: it lost records that are in the table. */
      readonly kind: 'beyond'
      readonly topic: string
      readonly partition: number
      readonly end: number
      readonly position: number
    }
  | {
      readonly kind: 'version'
      readonly topic: string
      readonly partition: number
      readonly offset: number
      /** Of the model that scored the row. */
      readonly version: number
      /** What `swaps` says. */
      readonly recorded: number
    }
  | {
      readonly kind: 'aggregate'
      readonly view: string
      readonly key: string
      readonly projected: number
      readonly counted: number
    }

const findingLimit = 20

/**
 * Compares the log with the tables, and the aggregates with the rows they stand for. Reads only, and may do so while the
 * jobs run: what is appended or scored meanwhile is waiting or done, never wrong.
 */
export async function verify(
  eventLog: EventLog,
  client: ClickHouseClient,
  topics: readonly VerifiedTopic[],
  signal: AbortSignal,
): Promise<Verification> {
  const partitions: Verification['partitions'][number][] = []
  const findings: Finding[] = []
  let foreignRows = 0
  for (const { topic, positionsIn } of topics) {
    const info = await eventLog.topic(topic)
    const ranges = async () => (info === undefined ? [] : await eventLog.ranges(topic))
    const before = await ranges()
    const held = await select(client, 'verify_offsets', { topic, positions_in: positionsIn }, signal)
    foreignRows += held.filter((row) => row.topic_id !== info?.id).reduce((sum, row) => sum + row.rows, 0)
    for (const { partition, end } of await ranges()) {
      // What the log held at its start before, and at its end after the table was read, encloses what the table may hold.
      const start = before.find((range) => range.partition === partition)?.start ?? 0
      const row = held.find((row) => row.topic_id === info?.id && row.partition === partition)
      const verdict = judge({ partition, start, end }, row)
      let gaps = 0
      if (verdict.gaps > 0) {
        const of = { topic, positionsIn, topicId: info?.id ?? '', start, verdict }
        for await (const { from, to } of lostStretches(eventLog, client, of, signal)) {
          gaps += to - from
          if (findings.length < findingLimit) findings.push({ kind: 'gap', topic, partition, from, to: to - 1 })
        }
      }
      const { missing: _, ...counted } = verdict
      const holes = verdict.gaps - gaps
      partitions.push({ topic, ...counted, gaps, appended: verdict.appended - holes })
      if (verdict.beyond !== undefined) findings.push({ kind: 'beyond', topic, partition, ...verdict.beyond })
    }
    const limits = { topic, limit: findingLimit }
    for (const { partition, offset, rows } of await select(client, 'verify_duplicates', limits, signal)) {
      findings.push({ kind: 'duplicate', topic, partition, offset, rows })
    }
    for (const { partition, offset, version, recorded } of await select(client, 'verify_versions', limits, signal)) {
      findings.push({ kind: 'version', topic, partition, offset, version, recorded })
    }
  }
  for (const { aggregate, ...rest } of await differences(client, signal)) {
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

/** The query reads rows and aggregates one after the other, so rows that come in between are looked at once more. */
async function differences(client: ClickHouseClient, signal: AbortSignal) {
  const look = () => select(client, 'verify_aggregates', { limit: findingLimit }, signal)
  const first = await look()
  return first.length === 0 ? first : await look()
}
