import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import type { EventLog } from '../connectors/event-log.ts'
import { brokersOf } from '../connectors/kafka/brokers.ts'
import { openKafkaLog } from '../connectors/kafka-log.ts'
import { type KafkaVersion, kafkaVersions, runJava } from '../test/kafka/classpath.ts'
import { KafkaCluster } from '../test/kafka/cluster.ts'
import { machine } from './machine.ts'

const usage = `npm run bench -- kafka [options]
  --posts <n>      records of 200 bytes (default 1000000)
  --version <v>    of Kafka: ${kafkaVersions.join(', ')} (default the newest)`

const partitions = 4
const bytes = 200
const { signal } = new AbortController()

/** Records of 200 bytes to and from one broker: ours, kafkajs's own producer and consumer, and Kafka's performance tools. */
export async function kafka(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      posts: { type: 'string', default: '1000000' },
      version: { type: 'string', default: kafkaVersions.at(-1) ?? '' },
      help: { type: 'boolean', default: false },
    },
  })
  const version = kafkaVersions.find((known): known is KafkaVersion => known === values.version)
  if (values.help || version === undefined) {
    process.stdout.write(`${usage}\n`)
    return values.help ? 0 : 2
  }
  const posts = Number(values.posts)
  process.stdout.write(
    `${machine()}; Kafka ${version}, one broker, ${partitions} partitions, ${posts} records of ${bytes} bytes, lz4\n`,
  )
  const cluster = await KafkaCluster.start({ version })
  const log = openKafkaLog({ brokers: brokersOf(cluster.addresses()), replication: 1, compression: 'lz4' })
  const told = (what: string, seconds: number) =>
    process.stdout.write(
      `${what.padEnd(34)} ${Math.round(posts / seconds)
        .toLocaleString('en-US')
        .padStart(10)}/s\n`,
    )
  try {
    const values = Array.from({ length: 1000 }, (_, n) => postOf(n))
    await log.createTopic('ours', partitions)
    told('produce, ours', await timed(() => produceOurs(log, values, posts)))
    told('consume, ours', await timed(() => consumeOurs(log, 'ours', posts)))
    const client = new Kafka({ clientId: 'bench', brokers: cluster.addresses().split(','), logLevel: logLevel.NOTHING })
    await log.createTopic('kafkajs', partitions)
    told('produce, kafkajs (no compression)', await timed(() => produceKafkajs(client, values, posts)))
    told('consume, kafkajs', await timed(() => consumeKafkajs(client, posts)))
    const props = [
      `bootstrap.servers=${cluster.addresses()}`,
      'acks=all',
      'linger.ms=20',
      'batch.size=524288',
      'compression.type=lz4',
    ]
    await log.createTopic('java', partitions)
    const tool = 'org.apache.kafka.tools'
    const produced = [
      '--topic',
      'java',
      '--num-records',
      String(posts),
      '--record-size',
      String(bytes),
      '--throughput',
      '-1',
      '--producer-props',
    ]
    process.stdout.write(
      `kafka-producer-perf-test:  ${lastLine(await runJava(version, `${tool}.ProducerPerformance`, [...produced, ...props]))}\n`,
    )
    const consumed = ['--topic', 'java', '--messages', String(posts), '--timeout', '60000']
    process.stdout.write(`kafka-consumer-perf-test:  ${await cluster.tool(`${tool}.ConsumerPerformance`, consumed)}\n`)
    return 0
  } finally {
    await log[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  }
}

const postOf = (n: number): string => {
  const post = { id: `post-${n}`, text: '', createdAt: 1_700_000_000_000 + n, source: 'bench' }
  return JSON.stringify({
    ...post,
    text: 'some words of a post '.repeat(10).slice(0, bytes - JSON.stringify(post).length),
  })
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? ''

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return (performance.now() - startedMs) / 1000
}

const writeItems = 8192

async function produceOurs(log: EventLog, values: readonly string[], posts: number): Promise<void> {
  const writer = await log.sink<number>(randomUUID()).open('0', signal)
  for (let sent = 0; sent < posts; sent += writeItems) {
    const count = Math.min(writeItems, posts - sent)
    const records = Array.from({ length: count }, (_, index) => ({
      topic: 'ours',
      key: `post-${sent + index}`,
      value: Buffer.from(values[(sent + index) % values.length] ?? ''),
    }))
    await writer.write(records, { position: sent + count, states: {} })
  }
}

async function consumeOurs(log: EventLog, topic: string, posts: number): Promise<void> {
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
  if (read !== posts) throw new Error(`${read} of ${posts} records were read`)
}

async function produceKafkajs(client: Kafka, values: readonly string[], posts: number): Promise<void> {
  const producer = client.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (let sent = 0; sent < posts; sent += writeItems) {
    const count = Math.min(writeItems, posts - sent)
    const messages = Array.from({ length: count }, (_, index) => ({
      key: `post-${sent + index}`,
      value: values[(sent + index) % values.length] ?? '',
    }))
    await producer.send({ topic: 'kafkajs', messages })
  }
  await producer.disconnect()
}

async function consumeKafkajs(client: Kafka, posts: number): Promise<void> {
  const consumer = client.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: 'kafkajs', fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    let read = 0
    consumer
      .run({
        autoCommit: false,
        eachBatchAutoResolve: true,
        eachBatch: async ({ batch }) => {
          read += batch.messages.length
          if (read >= posts) resolve()
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
}
