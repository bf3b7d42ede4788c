import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { type Clock, systemClock } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import { DriftlineError, type ErrorCode, messageOf } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { clusterSettings } from './cluster.ts'
import { migrate } from './migrate.ts'
import { readStoreAddress } from './store-file.ts'

/** What a statement of ours relies on, whatever the server's defaults are. */
const settings = {
  output_format_json_quote_64bit_integers: 0,
  async_insert: 0, // an insert is acknowledged once it is written
} as const

/**
 * A client of the ClickHouse that the configuration names, or of the embedded one that runs on the data folder now.
 * Nothing is sent yet. A long-lived client of the embedded one is to be made anew after it failed: the store may come
 * back on another port.
 *
 * @throws DriftlineError `STORE_UNAVAILABLE` when no embedded one has written its address
 */
export function storeClient(config: Config): ClickHouseClient {
  return createClient({ ...address(config), database: config.database })
}

/** The embedded ClickHouse is one server, whatever the configuration says of another. */
const clusterOf = ({ clickhouseUrl, clickhouseCluster }: Config): string | undefined =>
  clickhouseUrl === undefined ? undefined : clickhouseCluster

function address(config: Config) {
  const common = {
    clickhouse_settings: { ...settings, ...(clusterOf(config) !== undefined && clusterSettings) },
    request_timeout: 300_000,
    log: { level: ClickHouseLogLevel.OFF }, // failures are thrown, and told by whoever catches them
    keep_alive: { idle_socket_ttl: 10_000 },
  }
  if (config.clickhouseUrl !== undefined) {
    const { clickhouseUser: username, clickhousePassword: password } = config
    return { url: config.clickhouseUrl, username, password, ...common }
  }
  const embedded = readStoreAddress(config.data)
  if (embedded === undefined) {
    throw new DriftlineError('STORE_UNAVAILABLE', { data: config.data, reason: 'no embedded ClickHouse runs here' })
  }
  return { url: embedded.url, username: embedded.user, password: embedded.password, ...common }
}

export interface ConnectOptions {
  readonly signal: AbortSignal
  readonly log: Log
  /** How long to wait for it, default 30 s. */
  readonly timeoutMs?: number
  readonly clock?: Clock
}

/**
 * Waits until ClickHouse answers, brings its tables to the newest schema, and returns a client for the database.
 *
 * @throws DriftlineError `STORE_UNAVAILABLE` after the time-out, `SCHEMA_NEWER`; the signal's reason when aborted
 */
export async function connectStore(config: Config, options: ConnectOptions): Promise<ClickHouseClient> {
  const { signal, log, timeoutMs = 30_000, clock = systemClock } = options
  const deadline = clock.now() + timeoutMs
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 1000)) {
    signal.throwIfAborted()
    try {
      await prepare(config)
      return storeClient(config)
    } catch (error) {
      const failure = storeFailure(error)
      // A server that was named on purpose will not learn the password.
      const refused =
        config.clickhouseUrl !== undefined && error instanceof ClickHouseError && error.code === refusedLogin
      if (refused || !isRetryable(failure) || clock.now() + waitMs > deadline) throw failure
      log.debug({ reason: messageOf(failure) }, 'waiting for clickhouse')
    }
    await clock.sleep(waitMs, signal)
  }
}

/** The database may not exist yet, so the statements that make it go without one. */
async function prepare(config: Config): Promise<void> {
  const client = createClient(address(config))
  try {
    await migrate(client, config.database, { cluster: clusterOf(config) })
  } finally {
    await client.close()
  }
}

const isRetryable = (error: unknown): boolean => error instanceof DriftlineError && error.retryable

const refusedLogin = '516'

/**
 * Codes after which the same statement may succeed: too busy, too slow, stopped, out of memory, losing a replica, too
 * many parts, read-only for now, still running under the same id, or a login that is refused: an embedded one that was
 * killed left its address behind, and the store of another data folder may answer there now.
 */
const passing = new Set([
  '159',
  '160',
  '164',
  '198',
  '202',
  '203',
  '209',
  '210',
  '216',
  '225',
  '236',
  '241',
  '242',
  '243',
  '252',
  '279',
  '285',
  '286',
  '319',
  '394',
  '425',
  '439',
  '499',
  refusedLogin,
  '999',
])

/**
 * What a client threw, as an error of the catalogue: ClickHouse away, busy or stopping is `code` (retried). What it
 * refused for good (wrong SQL, a value that does not fit) stays as it was thrown.
 */
export function storeFailure(error: unknown, code: ErrorCode = 'STORE_UNAVAILABLE'): unknown {
  if (error instanceof DriftlineError) return error
  if (error instanceof ClickHouseError && !passing.has(error.code)) return error
  const name = error instanceof Error ? error.name : ''
  const bug = ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'ZodError', 'AbortError'].includes(name)
  if (bug && !isNetwork(error)) return error
  return new DriftlineError(code, { reason: messageOf(error) }, { cause: error })
}

const isNetwork = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  /^(?:E[A-Z]+|UND_ERR_\w+)$/.test(error.code)
