import { Readable } from 'node:stream'
import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client'
import { DriftlineError, messageOf } from '../core/errors.ts'
import { storeFailure } from './client.ts'
import type { DeadPostRow, ScoreRow } from './rows/scores.ts'

/** The log position that rows of one insert come from: one partition of one topic. */
export interface Origin {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

interface Guarded {
  readonly columns: Readonly<Record<string, string>>
  /** Which of the rows are new; `{topic}`, `{topic_id}` and `{partition}` are parameters. */
  guard(first: number): string
}

// Only what could stand in the way: rows from the first offset on. As a rule there are none, which the sparse index, in
// memory, tells without a read; to ask for the position itself cost 8 to 12 ms of processor time, more with each part.
// The first offset is no parameter, so that all inserts of a partition have the same: their session is used again.
const held = (
  first: number,
) => `topic = {topic:String} AND topic_id = {topic_id:String} AND partition = {partition:UInt16}
  AND offset >= ${first}`

const scoreColumns: Readonly<Record<keyof ScoreRow, string>> = {
  post_id: 'String',
  event_at: "DateTime64(3, 'UTC')",
  ingested_at: "DateTime64(3, 'UTC')",
  scored_at: "DateTime64(3, 'UTC')",
  source: 'String',
  lang: 'String',
  author: 'String',
  text: 'String',
  hashtags: 'Array(String)',
  given_label: 'String',
  meta: 'Map(String, String)',
  label: 'String',
  confidence: 'Float32',
  probabilities: 'Array(Float32)',
  margin: 'Float32',
  tokens: 'UInt32',
  unknown_tokens: 'UInt32',
  signals: 'Map(String, Float32)',
  model_name: 'String',
  model_version: 'UInt32',
  shadow: 'UInt8',
  stood_in_for: 'UInt32',
  topic: 'String',
  topic_id: 'String',
  partition: 'UInt16',
  offset: 'UInt64',
  batch_id: 'String',
  inference_us: 'UInt32',
}

const deadColumns: Readonly<Record<keyof DeadPostRow, string>> = {
  dead_at: "DateTime64(3, 'UTC')",
  stage: 'String',
  code: 'String',
  reason: 'String',
  origin: 'String',
  raw_base64: 'String',
  raw_bytes: 'UInt64',
  topic: 'String',
  topic_id: 'String',
  partition: 'UInt16',
  offset: 'UInt64',
}

const guarded = {
  // The highest position is that of the last complete insert, because an insert is one part. Shadow rows come later, in
  // inserts of their own, and move no position.
  scores: {
    columns: scoreColumns,
    guard: (first) =>
      `offset > (SELECT if(count() = 0, -1, toInt64(max(offset))) FROM scores WHERE ${held(first)} AND shadow = 0)`,
  },
  // Dead posts are few, and are written before the scores of their batch: a batch that comes again may hold more of them.
  dead_posts: {
    columns: deadColumns,
    guard: (first) => `offset NOT IN (SELECT offset FROM dead_posts WHERE ${held(first)})`,
  },
} as const satisfies Record<string, Guarded>

export interface GuardedRows {
  readonly scores: ScoreRow
  readonly dead_posts: DeadPostRow
}

/**
 * Inserts rows of one partition, in offset order, effectively once: rows whose position the table has already are left
 * out, so that repeating an insert whose answer was lost changes nothing. The query id is that of the table and the
 * partition: while an insert runs, one of another incarnation is refused, so the position that the guard reads cannot
 * move under it. One insert is one block and one part (up to 100,000 rows), so it is there whole or not at all.
 *
 * @throws DriftlineError `SINK_UNAVAILABLE` when it is not known to be written; send the same rows again
 * @throws DriftlineError `WRITE_REJECTED` when ClickHouse refuses the rows for good
 */
export async function insertGuarded<Table extends keyof GuardedRows>(
  client: ClickHouseClient,
  table: Table,
  from: Origin,
  rows: readonly GuardedRows[Table][],
  signal?: AbortSignal,
): Promise<void> {
  const first = rows[0]
  if (first === undefined) return
  const { columns, guard } = guarded[table]
  const names = Object.keys(columns).join(', ')
  const structure = Object.entries(columns).map(([name, type]) => `${name} ${type}`)
  const query = `INSERT INTO ${table} (${names})
    SELECT ${names} FROM input(${quoted(structure.join(', '))}) WHERE ${guard(first.offset)} FORMAT JSONCompactEachRow`
  try {
    const { stream } = await client.exec({
      query,
      values: Readable.from([Buffer.from(lines(rows, Object.keys(columns) as (keyof GuardedRows[Table])[]))]),
      query_id: `driftline/${table}/${from.topic}/${from.topicId}/${from.partition}`,
      query_params: { topic: from.topic, topic_id: from.topicId, partition: from.partition },
      clickhouse_settings: { ...oneBlock, ...smallPart },
      ...(signal === undefined ? {} : { abort_signal: signal }),
    })
    for await (const _ of stream); // the answer is empty, and the connection is free once it is read
  } catch (error) {
    signal?.throwIfAborted()
    const failure = storeFailure(error, 'SINK_UNAVAILABLE')
    if (!(failure instanceof ClickHouseError)) throw failure
    throw new DriftlineError(
      'WRITE_REJECTED',
      { table, reason: messageOf(failure), code: failure.code },
      { cause: failure },
    )
  }
}

/** Rows are squashed into one block before they are written: these are far above what one insert holds. */
const oneBlock = {
  async_insert: 0,
  max_insert_threads: '1',
  min_insert_block_size_rows: '1000000',
  min_insert_block_size_bytes: '1000000000',
  max_block_size: '1000000',
  input_format_parallel_parsing: 0, // keeps the order of offsets
  input_format_skip_unknown_fields: 0,
  wait_end_of_query: 1,
} as const

/**
 * A few rows, and an index that is in memory: to hand them from thread to thread, and to ask each projection whether it
 * could answer, cost 3 to 7 ms of processor time. The skip indexes of a part of a few granules tell nothing and are six of its
 * 36 files; merges make them.
 */
const smallPart = {
  max_threads: 1,
  local_filesystem_read_method: 'pread',
  optimize_use_projections: 0,
  materialize_skip_indexes_on_insert: 0,
} as const

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`

/** Values without the names of their columns, which are 40 % of a row's bytes. */
function lines<Row extends object>(rows: readonly Row[], columns: readonly (keyof Row)[]): string {
  let text = ''
  for (const row of rows) text += `${JSON.stringify(columns.map((column) => row[column]))}\n`
  return text
}
