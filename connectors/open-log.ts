import { join } from 'node:path'
import type { Config } from '../core/config.ts'
import { DriftlineError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { EventLog } from './event-log.ts'
import { openLmdbLog } from './lmdb-log.ts'

const hourMs = 3_600_000
const megabyte = 1_000_000

/**
 * The event log that the configuration asks for. The embedded one lies in `<data>/log`.
 *
 * @throws DriftlineError `CONFIG_INVALID` for a Kafka address, `LOG_UNAVAILABLE`
 */
export async function openEventLog(config: Config, log: Log): Promise<EventLog> {
  if (config.kafkaBrokers !== undefined) {
    const reason = 'kafkaBrokers is set, and this version has no Kafka connector yet; unset it to use the embedded log'
    throw new DriftlineError('CONFIG_INVALID', { reason })
  }
  const retention = { ageMs: config.retentionHours * hourMs, bytes: config.retentionMb * megabyte }
  return openLmdbLog(join(config.data, 'log'), { retention, log })
}
