import type { ClickHouseClient } from '@clickhouse/client'
import { type ConnectOptions, connectStore, storeClient } from '../clickhouse/client.ts'
import { startStoreProcess } from '../clickhouse/embedded/start.ts'
import { systemClock } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import { DriftlineError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { isSupervised } from './supervised.ts'

/**
 * Runs `act` with a client: of the ClickHouse that the configuration names, of the embedded one that runs already (or that
 * the supervisor is about to start again), or of one that is started for as long as `act` takes.
 *
 * @throws what `act` throws; DriftlineError `STORE_UNAVAILABLE`, `STORE_LOCKED`, `SCHEMA_NEWER`
 */
export async function withStore<T>(
  config: Config,
  log: Log,
  signal: AbortSignal,
  act: (client: ClickHouseClient) => Promise<T>,
  patience: Pick<ConnectOptions, 'timeoutMs'> = {},
): Promise<T> {
  const elsewhere = config.clickhouseUrl !== undefined || isSupervised() || (await storeAnswers(config))
  const store = elsewhere ? undefined : await start(config, signal, patience.timeoutMs)
  try {
    const client = await connectStore(config, { signal, log, ...patience })
    try {
      return await act(client)
    } finally {
      await client.close()
    }
  } finally {
    await store?.[Symbol.asyncDispose]()
  }
}

/** A store that was killed leaves its address behind, where that of another data folder may answer, but not to our password. */
export async function storeAnswers(config: Config): Promise<boolean> {
  try {
    const client = storeClient(config)
    const { success } = await client.ping({ select: true })
    await client.close()
    return success
  } catch (error) {
    if (error instanceof DriftlineError) return false
    throw error
  }
}

/**
 * `undefined` when another process started one in the meantime: then that is used. One that has the folder and does not answer
 * is starting or stopping, as the engine of an `up` that has just been killed: both are over soon.
 */
async function start(config: Config, signal: AbortSignal, timeoutMs = 30_000) {
  const { data, storePort: port, database } = config
  const deadline = systemClock.now() + timeoutMs
  for (;;) {
    try {
      return await startStoreProcess({ data, port, anyPort: true, database, logLevel: 'warn' }, signal)
    } catch (error) {
      const locked = error instanceof DriftlineError && error.code === 'STORE_LOCKED'
      if (!locked || systemClock.now() > deadline) throw error
    }
    if (await storeAnswers(config)) return undefined
    await systemClock.sleep(200, signal)
  }
}
