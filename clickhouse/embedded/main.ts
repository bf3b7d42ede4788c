import { createClient } from '@clickhouse/client'
import { z } from 'zod'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import { createLog } from '../../core/log.ts'
import { migrate } from '../migrate.ts'
import { ownerPassword, removeStoreAddress, storeFolder, writeStoreAddress } from '../store-file.ts'
import { leaveWithoutDestructors } from './leave.ts'

/** What the process of the store is told, as JSON in its first argument. */
const Options = z.object({
  data: z.string(),
  port: z.number(),
  anyPort: z.boolean(),
  database: z.string(),
  logLevel: z.string(),
})

const options = Options.parse(JSON.parse(process.argv[2] ?? ''))
const log = createLog('store', options.logLevel)
const stop = new Promise<string>((resolve) => {
  process.on('SIGTERM', resolve).on('SIGINT', resolve)
  process.on('disconnect', () => resolve('the end of its parent'))
})

try {
  leaveWithoutDestructors()
  const { startStore } = await import('./server.ts') // fails where chdb has no library for the platform
  const password = ownerPassword(options.data)
  const store = await startStore({ ...options, folder: storeFolder(options.data), password, log })
  const client = createClient({ url: store.url, username: 'default', password })
  const applied = await migrate(client, options.database)
  await client.close()
  writeStoreAddress(options.data, { url: store.url, user: 'default', password, pid: process.pid })
  log.info({ url: store.url, migrations: applied }, 'ready')
  process.send?.({ ready: store.url })

  log.info({ by: await stop }, 'stopping')
  removeStoreAddress(options.data)
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 2500).unref() // a statement that cannot be cancelled does not hold up the stop
  await store[Symbol.asyncDispose]()
  process.exit(0)
} catch (error) {
  const { code, details } = error instanceof DriftlineError ? error : {}
  process.send?.({ failed: { code, message: messageOf(error), details } })
  log.error({ error: messageOf(error) }, 'not started')
  process.exit(1)
}
