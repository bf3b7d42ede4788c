import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../core/config.ts'
import { DriftlineError, messageOf } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { EventLog } from './event-log.ts'
import { openLmdbLog } from './lmdb-log.ts'

const hourMs = 3_600_000
const megabyte = 1_000_000

/**
 * The event log that the configuration asks for: the embedded one in `<data>/log`, or Kafka's.
 *
 * @throws DriftlineError `CONFIG_INVALID`, `LOG_UNAVAILABLE`
 */
export async function openEventLog(config: Config, log: Log): Promise<EventLog> {
  const retention = { ageMs: config.retentionHours * hourMs, bytes: config.retentionMb * megabyte }
  if (config.kafkaBrokers === undefined) return openLmdbLog(join(config.data, 'log'), { retention, log })
  // Only now: who uses the embedded log need not load what compresses for Kafka.
  const { brokersOf, canWrite, openKafkaLog } = await import('./kafka-log.ts')
  const { kafkaCompression: compression } = config
  if (!canWrite(compression)) {
    const reason = `kafkaCompression: this Node (${process.version}) cannot write ${compression}; it can from 22.15 on`
    throw new DriftlineError('CONFIG_INVALID', { reason })
  }
  return openKafkaLog({
    brokers: brokersOf(config.kafkaBrokers),
    clientId: config.kafkaClientId,
    prefix: config.kafkaPrefix,
    replication: config.kafkaReplication === 0 ? -1 : config.kafkaReplication,
    tls: tlsOf(config),
    sasl: saslOf(config),
    compression,
    retention,
    log,
  })
}

function tlsOf({ kafkaTls, kafkaTlsCa, kafkaTlsCert, kafkaTlsKey }: Config) {
  if (!kafkaTls && [kafkaTlsCa, kafkaTlsCert, kafkaTlsKey].every((file) => file === undefined)) return undefined
  return {
    ...(kafkaTlsCa !== undefined && { ca: pem('kafkaTlsCa', kafkaTlsCa) }),
    ...(kafkaTlsCert !== undefined && { cert: pem('kafkaTlsCert', kafkaTlsCert) }),
    ...(kafkaTlsKey !== undefined && { key: pem('kafkaTlsKey', kafkaTlsKey) }),
  }
}

function pem(key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new DriftlineError('CONFIG_INVALID', { reason: `${key}: ${messageOf(error)}` }, { cause: error })
  }
}

function saslOf({ kafkaSasl: mechanism, kafkaUser: username, kafkaPassword: password }: Config) {
  if (mechanism === undefined) return undefined
  if (username === '') throw new DriftlineError('CONFIG_INVALID', { reason: `kafkaSasl ${mechanism} needs kafkaUser` })
  return { mechanism, username, password }
}
