import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EventLog } from '../../connectors/event-log.ts'
import { brokersOf } from '../../connectors/kafka/brokers.ts'
import { openKafkaLog } from '../../connectors/kafka-log.ts'
import { openEventLog } from '../../connectors/open-log.ts'
import { type Config, loadConfig } from '../../core/config.ts'
import { silentLog } from '../../core/log.ts'
import { IngestOptions } from '../../jobs/ingest/config.ts'
import { ingest } from '../../jobs/ingest/main.ts'
import { whyNoKafka } from './classpath.ts'
import { KafkaCluster } from './cluster.ts'

const missing = whyNoKafka()
const { signal } = new AbortController()

describe.skipIf(missing !== undefined)(`ingest kafka ${missing ?? ''}`, () => {
  let cluster: KafkaCluster
  let theirs: EventLog
  let folder: string
  let config: Config
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'driftline-ingest-kafka-'))
    cluster = await KafkaCluster.start({ version: '3.9.1' })
    theirs = openKafkaLog({ brokers: brokersOf(cluster.addresses()), replication: 1 })
    config = loadConfig({ data: folder, partitions: 1 }, {}, folder).config
  })
  afterAll(async () => {
    await theirs?.[Symbol.asyncDispose]()
    await cluster?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  const append = async (texts: readonly string[], position: number) => {
    const writer = await theirs.sink<number>('them').open('0', signal)
    const records = texts.map((text) => ({ topic: 'tweets', key: null, value: Buffer.from(text) }))
    await writer.write(records, { position, states: {} })
  }
  const run = (input: Parameters<typeof ingest>[0][number], options: Record<string, unknown>) =>
    ingest([input], IngestOptions.parse(options), { config, log: silentLog, signal })
  const held = async (topic: string) => {
    const log = await openEventLog(config, silentLog)
    const reader = await log.source(topic, { untilEnd: true }).open('0', undefined, signal)
    const values: unknown[] = []
    for (let read = await reader.next(100); read !== undefined; read = await reader.next(100)) {
      values.push(...read.map(({ value }) => JSON.parse(Buffer.from(value).toString())))
    }
    await log[Symbol.asyncDispose]()
    return values
  }

  test('a topic in other JSON becomes posts; run again, it goes on; what was dead is replayed once its map is right', async () => {
    await theirs.createTopic('tweets', 1)
    await append(
      ['{"data":{"id":7,"body":"hello"},"at":1700000000}', '{"data":{"id":8,"words":"again"}}', 'garbage'],
      1,
    )
    const options = { map: 'id=data.id,text=data.body,createdAt=at:s', brokers: cluster.addresses(), untilEnd: true }
    const source = { kind: 'kafka', topic: 'tweets' } as const
    expect(await run(source, options)).toMatchObject({ accepted: 1, dead: 2 })
    expect(await held('posts')).toEqual([{ id: '7', text: 'hello', createdAt: 1_700_000_000_000, source: 'tweets' }])

    await append(['{"data":{"id":9,"body":"more"},"at":1700000001}'], 2)
    expect(await run(source, options)).toMatchObject({ accepted: 1, dead: 0 })

    expect(await run({ kind: 'dead' }, { map: 'id=data.id,text=data.words' })).toMatchObject({ accepted: 1, dead: 1 })
    expect(await held('posts')).toMatchObject([{ id: '7' }, { id: '9' }, { id: '8', text: 'again' }])
    expect(await held('posts.dead')).toHaveLength(3)
  })

  test('a map that fits no record is refused, with what the records hold', async () => {
    const options = { map: 'text=nothing.here', brokers: cluster.addresses(), untilEnd: true }
    await expect(run({ kind: 'kafka', topic: 'tweets' }, options)).rejects.toThrow(
      /no record of tweets becomes a post.*text=nothing.here in 0; not read: data, at/,
    )
  })

  test('a topic that is not there, or no brokers, is told', async () => {
    await expect(run({ kind: 'kafka', topic: 'nowhere' }, { brokers: cluster.addresses() })).rejects.toThrow(
      /no such topic/,
    )
    await expect(run({ kind: 'kafka', topic: 'tweets' }, {})).rejects.toThrow(/name the brokers/)
  })
})
