import { spawnSync } from 'node:child_process'
import { Kafka, logLevel } from 'kafkajs'
import { brokersOf } from '../connectors/kafka/brokers.ts'
import { openKafkaLog } from '../connectors/kafka-log.ts'
import { kafkaVersions } from '../test/kafka/classpath.ts'
import { KafkaCluster } from '../test/kafka/cluster.ts'
import { inTemporaryFolder, oneOf, readOptions } from './frame.ts'
import { consumeKafkajs, consumeOurs, produceKafkajs, produceOurs } from './kafka-clients.ts'
import { javaTools, kcat, type PeerRun, type PeerTimes, platformatic, rdkafkaPerformance } from './kafka-peers.ts'
import { machine } from './machine.ts'

const usage = `npm run bench -- kafka [options]
  --posts <n>               records of 200 bytes (default 1000000)
  --version <v>             of Kafka: ${kafkaVersions.join(', ')} (default the newest)
  --platformatic <folder>   where '@platformatic/kafka' is installed, and 'node' if it shall run on that; may be repeated
  --rdkafka <file>          librdkafka's rdkafka_performance
kcat is measured where it is installed (Debian: apt-get install kcat).`

const partitions = 4
const bytes = 200

/** Records of 200 bytes to and from one broker, one client after the other: ours, kafkajs, others, and the tools. */
export async function kafka(args: readonly string[]): Promise<number> {
  const options = readOptions(args, usage, {
    posts: 1_000_000,
    version: kafkaVersions.at(-1) ?? '',
    platformatic: [],
    rdkafka: undefined,
  })
  if (options === undefined) return 0
  const { rdkafka } = options
  const version = oneOf(options.version, kafkaVersions)
  const load = { count: options.posts, values: Array.from({ length: 1000 }, (_, n) => postOf(n)) }
  return inTemporaryFolder(async (folder) => {
    await using cluster = await KafkaCluster.start({ version })
    const brokers = cluster.addresses()
    await using log = openKafkaLog({ brokers: brokersOf(brokers), replication: 1, compression: 'lz4' })
    const client = new Kafka({ clientId: 'bench', brokers: brokers.split(','), logLevel: logLevel.NOTHING })
    const ours = async ({ topic }: PeerRun): Promise<PeerTimes> => ({
      client: 'ours',
      produceSeconds: await timed(() => produceOurs(log, topic, load)),
      consumeSeconds: await timed(() => consumeOurs(log, topic, partitions, load.count)),
    })
    const kafkajs = async ({ topic }: PeerRun): Promise<PeerTimes> => ({
      client: 'kafkajs 2.2.4, not compressed',
      produceSeconds: await timed(() => produceKafkajs(client, topic, load)),
      consumeSeconds: await timed(() => consumeKafkajs(client, topic, load.count)),
    })
    const clients = [
      ours,
      kafkajs,
      ...options.platformatic.map((installed) => (run: PeerRun) => platformatic(installed, run)),
      ...(rdkafka === undefined ? [] : [(run: PeerRun) => rdkafkaPerformance(rdkafka, run)]),
      ...(spawnSync('kcat', ['-V']).error === undefined ? [kcat] : []),
      (run: PeerRun) => javaTools(version, run),
    ]
    process.stdout.write(
      `${machine()}; Kafka ${version}, one broker, ${partitions} partitions, ${load.count} records of ${bytes} bytes, lz4\n`,
    )
    process.stdout.write(`${'records/s'.padEnd(44)} ${'produced'.padStart(10)} ${'consumed'.padStart(10)}\n`)
    for (const [index, measure] of clients.entries()) {
      const topic = `bench-${index}`
      await log.createTopic(topic, partitions)
      const { client, produceSeconds, consumeSeconds } = await measure({ brokers, topic, partitions, load, folder })
      const rate = (seconds: number) => Math.round(load.count / seconds).toLocaleString('en-US')
      process.stdout.write(
        `${client.padEnd(44)} ${rate(produceSeconds).padStart(10)} ${rate(consumeSeconds).padStart(10)}\n`,
      )
    }
    return 0
  })
}

const postOf = (n: number): string => {
  const post = { id: `post-${n}`, text: '', createdAt: 1_700_000_000_000 + n, source: 'bench' }
  return JSON.stringify({
    ...post,
    text: 'some words of a post '.repeat(10).slice(0, bytes - JSON.stringify(post).length),
  })
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return (performance.now() - startedMs) / 1000
}
