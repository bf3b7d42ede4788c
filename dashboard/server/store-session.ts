import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client'
import { z } from 'zod'
import { type QueryName, type QueryRow, select } from '../../clickhouse/queries.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'

/** A page is no reason to keep the store from its inserts for longer. */
const longestQuerySeconds = 4
/** A store that hangs is as good as away. */
const longestAnswerMs = 5_000

/**
 * ClickHouse as the page's server uses it: each use bounded in time, with a client that is made anew after a failure.
 *
 * Both throw DriftlineError `STORE_UNAVAILABLE` while ClickHouse is away or has no tables yet.
 */
export interface StoreSession extends AsyncDisposable {
  select<Name extends QueryName>(
    name: Name,
    parameters?: Readonly<Record<string, unknown>>,
  ): Promise<readonly QueryRow<Name>[]>
  use<T>(act: (client: ClickHouseClient, signal: AbortSignal) => Promise<T>): Promise<T>
}

/**
 * @param connect makes a client, or throws while there is nothing to connect to. Called on first use, and again after a
 *   use failed, since the embedded store may come back on another port.
 */
export function storeSession(connect: () => ClickHouseClient): StoreSession {
  let client: ClickHouseClient | undefined

  async function use<T>(act: (client: ClickHouseClient, signal: AbortSignal) => Promise<T>): Promise<T> {
    client ??= connect()
    const used = client
    const late = AbortSignal.timeout(longestAnswerMs)
    try {
      return await act(used, late)
    } catch (error) {
      if (error instanceof z.ZodError) throw error // a query and its row schema disagree: a bug, not an absence
      if (client === used) client = undefined
      await used.close()
      const reason = late.aborted ? `no answer within ${longestAnswerMs / 1000} s` : reasonOf(error)
      throw new DriftlineError('STORE_UNAVAILABLE', { reason }, { cause: error })
    }
  }

  return {
    use,
    select: (name, parameters = {}) =>
      use((used, signal) => select(used, name, parameters, signal, { max_execution_time: longestQuerySeconds })),
    [Symbol.asyncDispose]: async () => client?.close(),
  }
}

/** UNKNOWN_TABLE and UNKNOWN_DATABASE: it runs, and nobody has made the tables. */
const notMigrated: readonly string[] = ['60', '81']

function reasonOf(error: unknown): string {
  const cause = error instanceof DriftlineError ? error.cause : error
  return cause instanceof ClickHouseError && notMigrated.includes(cause.code)
    ? 'it has no tables yet'
    : messageOf(error)
}
