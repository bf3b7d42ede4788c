import { sayEnd, startStoreProcess } from '../clickhouse/embedded/start.ts'
import { DriftlineError } from '../core/errors.ts'
import { runs, verb } from './command.ts'

/** The embedded ClickHouse, until it is stopped. */
export const storeCommand = () =>
  verb('store', 'serve the embedded ClickHouse over HTTP, on loopback')
    .option('--store-port <port>', 'port; 0 takes any free one (DRIFTLINE_STORE_PORT)')
    .action(
      runs(async ({ config, loaded, json, signal }) => {
        const store = await startStoreProcess(
          {
            data: config.data,
            port: config.storePort,
            anyPort: loaded.origins.storePort === 'default',
            database: config.database,
            logLevel: config.logLevel,
          },
          signal,
        )
        process.stdout.write(json ? `${JSON.stringify({ url: store.url, pid: store.pid })}\n` : `${store.url}\n`)
        const stopped = new Promise<'stop'>((resolve) => {
          if (signal.aborted) resolve('stop')
          signal.addEventListener('abort', () => resolve('stop'), { once: true })
        })
        const outcome = await Promise.race([stopped, store.ended])
        if (outcome !== 'stop') {
          throw new DriftlineError('STORE_UNAVAILABLE', { reason: `its process ended with ${sayEnd(outcome)}` })
        }
        await store[Symbol.asyncDispose]()
        return 0
      }),
    )
