import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe } from 'vitest'
import { brokersOf } from '../../connectors/kafka/brokers.ts'
import { openKafkaLog } from '../../connectors/kafka-log.ts'
import { eventLogContract } from '../../connectors/testing/event-log-contract.ts'
import { kafkaVersions, whyNoKafka } from './classpath.ts'
import { KafkaCluster } from './cluster.ts'

const missing = whyNoKafka()

describe.skipIf(missing !== undefined).each(kafkaVersions)(`Apache Kafka %s ${missing ?? ''}`, (version) => {
  let cluster: KafkaCluster
  beforeAll(async () => {
    cluster = await KafkaCluster.start({ version })
  })
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  eventLogContract(`Kafka ${version}`, async () => {
    const prefix = randomUUID()
    const log = openKafkaLog({ brokers: brokersOf(cluster.addresses()), prefix, replication: 1 })
    return {
      log,
      topicName: (name) => `${prefix}.${name}`,
      [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
    }
  })
})
