import { afterAll, beforeAll } from 'vitest'
import type { ScoreRow } from '../clickhouse/rows/scores.ts'
import { scoreRows } from '../clickhouse/testing/score-rows.ts'
import { type TestStore, testStore } from '../clickhouse/testing/test-store.ts'
import { sinkContract } from '../dataflow/testing/sink-contract.ts'
import { clickHouseSink, type LoggedRow } from './clickhouse.ts'
import type { Offset } from './event-log.ts'

const database = 'driftline_sink_contract'
let store: TestStore
let topics = 0

beforeAll(async () => {
  store = await testStore(database)
})
afterAll(async () => store[Symbol.asyncDispose]())

const item = (topic: string, partition: string, offset: number): LoggedRow => {
  const [row] = scoreRows(offset, 1, Number(partition), { topic, topic_id: 'T', confidence: 0.25 })
  if (row === undefined) throw new Error('no row')
  return { table: 'scores', row }
}

/** Times as epoch milliseconds, as they were given. */
const asGiven = ['event_at', 'ingested_at', 'scored_at'].map((name) => `toUnixTimestamp64Milli(${name}) AS ${name}`)

sinkContract<LoggedRow, Offset>(
  'ClickHouse',
  async () => {
    const topic = `contract-${topics++}`
    const reader = store.client({ database })
    return {
      sink: clickHouseSink({
        connect: () => store.client({ database }),
        topic: { name: topic, id: 'T', partitions: 2 },
        positionsIn: 'scores',
      }),
      item: (partition, n) => item(topic, partition, n),
      position: (n) => n,
      async rows(partition) {
        const result = await reader.query({
          query: `SELECT * REPLACE (${asGiven.join(', ')}) FROM scores
            WHERE topic = {topic:String} AND partition = {partition:UInt16} ORDER BY offset`,
          query_params: { topic, partition },
          format: 'JSONEachRow',
          clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
        })
        return (await result.json<ScoreRow>()).map((row) => ({ table: 'scores', row }) as const)
      },
      [Symbol.asyncDispose]: async () => undefined,
    }
  },
  {
    states: false,
    checkpointOnly: 'the position lies in the rows; what had none is read again',
  },
)
