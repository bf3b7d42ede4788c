import { mkdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DriftlineError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { authenticate, refuseForeignPages } from './access.ts'
import { Answer } from './answer.ts'
import { Engine } from './engine.ts'
import { ClickHouseException } from './exception.ts'
import { handle, type Shared } from './handler.ts'
import { Running } from './running.ts'
import { NamedSessions } from './sessions.ts'

export interface StoreOptions {
  /** Absolute; it becomes the working folder of the process. */
  readonly folder: string
  readonly password: string
  /** 0 takes any free one. */
  readonly port: number
  /** Whether another port may be taken when `port` is in use. */
  readonly anyPort: boolean
  readonly log: Log
  /** See `Engine.open`. */
  readonly engineArgs?: readonly string[]
}

export interface Store extends AsyncDisposable {
  readonly url: string
}

/** Time for running statements to end by themselves when the store stops; then they are cancelled. */
const graceMs = 1000
/** Longest pause of a client that reads a result, or sends a body. */
const idleMs = 300_000

/**
 * Serves the engine over ClickHouse's HTTP interface, on loopback only.
 *
 * @throws DriftlineError `STORE_LOCKED`, `ADDRESS_UNAVAILABLE`
 */
export async function startStore(options: StoreOptions): Promise<Store> {
  const { folder, log } = options
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  process.chdir(folder)
  const engine = await Engine.open(join(folder, 'engine'), 'pipes', log, options.engineArgs)
  for (const scratch of ['bodies']) {
    rmSync(scratch, { recursive: true, force: true }) // left by a process that was killed
    mkdirSync(scratch, { mode: 0o700 })
  }
  const sessions = new NamedSessions(() => engine.openSession())
  const shared: Shared = {
    engine,
    running: new Running(),
    sessions,
    timezone: await engine.timezone(),
    bodies: 'bodies',
  }
  const server = createServer({ keepAliveTimeout: 30_000, requestTimeout: 0, maxHeaderSize: 1 << 20 })
  server.on('request', (message, response) => {
    route(message, response, options.password, shared).catch((error: unknown) => {
      log.error({ error }, 'request failed')
      response.destroy()
    })
  })
  server.setTimeout(idleMs)
  const port = await listen(server, options)
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeIdleConnections()
      const late = setTimeout(() => shared.running.stopAll(), graceMs)
      await shared.running.idle()
      clearTimeout(late)
      server.closeAllConnections()
      sessions.closeAll()
      await engine.close()
    },
  }
}

async function route(
  message: IncomingMessage,
  response: ServerResponse,
  password: string,
  shared: Shared,
): Promise<void> {
  const { pathname } = new URL(message.url ?? '/', 'http://store')
  try {
    refuseForeignPages(message, message.socket.localPort ?? 0)
    if (pathname === '/ping' || pathname === '/replicas_status') return plain(response, 200, 'Ok.\n')
    if (pathname !== '/') return plain(response, 404, `There is no handle ${pathname}\n`)
    if (message.method === 'GET' && !(message.url ?? '').includes('?')) return plain(response, 200, 'Ok.\n')
    if (!['GET', 'POST', 'HEAD'].includes(message.method ?? '')) return plain(response, 405, 'Use GET or POST.\n')
    authenticate(message, password)
  } catch (error) {
    message.resume()
    const answer = new Answer(message, response, { queryId: '', timezone: '', waitForEnd: false, compress: false })
    return await answer.fail(ClickHouseException.of(error))
  }
  await handle(message, response, shared)
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=UTF-8' }).end(text)
}

async function listen(server: Server, { port, anyPort, log }: StoreOptions): Promise<number> {
  const attempt = (wanted: number) =>
    new Promise<number>((resolve, reject) => {
      const fail = (error: Error) => reject(error)
      server.once('error', fail).listen(wanted, '127.0.0.1', () => {
        server.off('error', fail)
        resolve((server.address() as AddressInfo).port)
      })
    })
  try {
    return await attempt(port)
  } catch (error) {
    if (!anyPort) {
      const reason = 'the port is in use or may not be used'
      throw new DriftlineError('ADDRESS_UNAVAILABLE', { address: `127.0.0.1:${port}`, reason }, { cause: error })
    }
    log.info({ port }, 'port is in use; taking another')
    return await attempt(0)
  }
}
