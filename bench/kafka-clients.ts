import { randomUUID } from 'node:crypto'
import type { Kafka } from 'kafkajs'
import type { EventLog } from '../connectors/event-log.ts'

/** How many records each client hands over at a time; it goes on once the broker has them. */
const recordsPerWrite = 8192
const { signal } = new AbortController()

/** What is written: `count` records of the given values in turn, each with a key of its own. */
export interface Load {
  readonly count: number
  readonly values: readonly string[]
}

const slices = function* ({ count, values }: Load) {
  for (let sent = 0; sent < count; sent += recordsPerWrite) {
    yield Array.from({ length: Math.min(recordsPerWrite, count - sent) }, (_, index) => ({
      key: `post-${sent + index}`,
      value: values[(sent + index) % values.length] ?? '',
    }))
  }
}

export async function produceOurs(log: EventLog, topic: string, load: Load): Promise<void> {
  const writer = await log.sink<number>(randomUUID()).open('0', signal)
  let position = 0
  for (const slice of slices(load)) {
    position += slice.length
    const records = slice.map(({ key, value }) => ({ topic, key, value: Buffer.from(value) }))
    await writer.write(records, { position, states: {} })
  }
}

export async function consumeOurs(log: EventLog, topic: string, partitions: number, count: number): Promise<void> {
  const source = log.source(topic, { untilEnd: true })
  let read = 0
  await Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      const reader = await source.open(String(partition), undefined, signal)
      for (let items = await reader.next(2048); items !== undefined; items = await reader.next(2048))
        read += items.length
      await reader[Symbol.asyncDispose]()
    }),
  )
  if (read !== count) throw new Error(`${read} of ${count} records were read`)
}

export async function produceKafkajs(client: Kafka, topic: string, load: Load): Promise<void> {
  const producer = client.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (const messages of slices(load)) await producer.send({ topic, messages })
  await producer.disconnect()
}

export async function consumeKafkajs(client: Kafka, topic: string, count: number): Promise<void> {
  const consumer = client.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    let read = 0
    consumer
      .run({
        autoCommit: false,
        eachBatchAutoResolve: true,
        eachBatch: async ({ batch }) => {
          read += batch.messages.length
          if (read >= count) resolve()
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
}
