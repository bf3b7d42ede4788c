import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  ClickHouseLogLevel,
  createClient,
} from '@clickhouse/client'
import { type Config, loadConfig } from '../../core/config.ts'
import { type StoreProcess, startStoreProcess } from '../embedded/start.ts'
import { readStoreAddress } from '../store-file.ts'

/** A ClickHouse for one test file: a store of its own, or the server that DRIFTLINE_TEST_CLICKHOUSE_URL names. */
export interface TestStore extends AsyncDisposable {
  readonly config: Config
  readonly url: string
  readonly user: string
  readonly password: string
  /** `undefined` for a server. */
  readonly process: StoreProcess | undefined
  client(options?: ClickHouseClientConfigOptions): ClickHouseClient
}

export async function testStore(database: string): Promise<TestStore> {
  const server = process.env.DRIFTLINE_TEST_CLICKHOUSE_URL
  const data = mkdtempSync(join(tmpdir(), 'driftline-store-'))
  const started =
    server === undefined
      ? await startStoreProcess({ data, port: 0, anyPort: true, database, logLevel: 'silent' })
      : undefined
  const { username, password: secret, origin } = new URL(server ?? 'http://none')
  const address = readStoreAddress(data) ?? { url: origin, user: username || 'default', password: secret }
  const { config } = loadConfig({ data, database, storePort: 0, clickhouseUrl: server }, {}, data)
  const clients: ClickHouseClient[] = []
  return {
    config,
    ...address,
    process: started,
    client(options = {}) {
      const client = createClient({
        url: address.url,
        username: address.user,
        password: address.password,
        log: { level: ClickHouseLogLevel.OFF },
        ...options,
      })
      clients.push(client)
      return client
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.close()))
      await started?.[Symbol.asyncDispose]()
      rmSync(data, { recursive: true, force: true })
    },
  }
}
