import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { SASLOptions } from 'kafkajs'
import Connection from 'kafkajs/src/network/connection.js'
import Encoder from 'kafkajs/src/protocol/encoder.js'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Api } from './apis/api.ts'
import { apiVersions } from './apis/metadata.ts'
import { Reader, Writer } from './codec.ts'
import { refused } from './failures.ts'

export interface ConnectionOptions {
  readonly clientId: string
  /** PEM texts; `undefined`: no TLS. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined
  readonly sasl: SASLOptions | undefined
  /** For connecting, TLS and SASL included, and for each answer that a broker owes at once. */
  readonly timeoutMs: number
  readonly log: Log
}

export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * A connection to one broker, opened by its first request and again by the first after a failure. Requests are answered in
 * order, so one that may wait long (a fetch, a join) holds up those behind it and wants a connection of its own.
 *
 * kafkajs does sockets, TLS, SASL and framing. What it does not notice (a socket that closes without a word, a broker that is
 * frozen) ends here: any failure destroys the socket, and every request has a deadline.
 */
export class BrokerConnection {
  readonly address: Address
  readonly #options: ConnectionOptions
  #open: Promise<Opened> | undefined
  #socket: Socket | undefined
  #closed = false

  constructor(address: Address, options: ConnectionOptions) {
    this.address = address
    this.#options = options
  }

  /**
   * @param waitMs how long the broker may hold its answer back, on top of the usual timeout
   * @throws DriftlineError `LOG_UNAVAILABLE`; the request may have been carried out all the same
   */
  async request<Request, Response>(api: Api<Request, Response>, request: Request, waitMs = 0): Promise<Response> {
    const { timeoutMs } = this.#options
    const opened = await this.#opened()
    try {
      return await withDeadline(send(opened.connection, api, request), timeoutMs + waitMs, `answer to ${api.name}`)
    } catch (error) {
      this.#drop(opened)
      throw this.#failure(error)
    }
  }

  /** The highest version of a request that the broker knows; -1 for none. */
  async highestVersion(key: number): Promise<number> {
    return (await this.#opened()).versions.get(key) ?? -1
  }

  close(): void {
    this.#closed = true
    this.#socket?.destroy()
  }

  async #opened(): Promise<Opened> {
    if (this.#closed) throw this.#failure(new Error('the connection is closed'))
    this.#open ??= this.#connect()
    try {
      return await this.#open
    } catch (error) {
      this.#open = undefined
      throw this.#failure(error)
    }
  }

  async #connect(): Promise<Opened> {
    const { clientId, tls, sasl, timeoutMs, log } = this.#options
    let fail: (error: Error) => void = () => undefined
    const lost = new Promise<never>((_, reject) => {
      fail = reject
    })
    lost.catch(() => undefined)
    const connection = new Connection({
      ...this.address,
      clientId,
      ssl: tls ?? null,
      sasl: sasl ?? null,
      connectionTimeout: timeoutMs,
      requestTimeout: 24 * 3_600_000, // the deadlines are ours
      logger: loggerOf(log),
      socketFactory: ({ host, port, onConnect }) => {
        const name = isIP(host) === 0 ? { servername: host } : {}
        const socket =
          tls === undefined
            ? connectPlain({ host, port }, onConnect)
            : connectTls({ host, port, ...name, ...tls }, onConnect)
        socket.setNoDelay(true).setKeepAlive(true, 60_000)
        socket.on('close', () => {
          const error = new Error('the broker closed the connection')
          connection.rejectRequests(error)
          fail(error)
          void connection.disconnect() // ends its timer, which would keep the process alive
        })
        this.#socket = socket
        return socket
      },
    })
    // Its check of requests that wait to be sent makes an appointment for the next one, every millisecond for ever once there
    // was an answer (tulios/kafkajs#1704; Node 24 warns of it as well). None ever wait: they are neither throttled nor counted.
    connection.requestQueue.scheduleCheckPendingRequests = () => undefined
    try {
      return await withDeadline(Promise.race([greet(connection), lost]), 2 * timeoutMs, 'connection')
    } catch (error) {
      this.#socket?.destroy()
      throw error
    }
  }

  /** Whatever else waits on the socket fails with it. */
  #drop(opened: Opened): void {
    void this.#open?.then(
      (current) => {
        if (current !== opened) return
        this.#open = undefined
        this.#socket?.destroy()
      },
      () => undefined,
    )
  }

  #failure(error: unknown): DriftlineError {
    if (error instanceof DriftlineError) return error
    const { host, port } = this.address
    return new DriftlineError(
      'LOG_UNAVAILABLE',
      { reason: messageOf(error), broker: `${host}:${port}` },
      { cause: error },
    )
  }
}

interface Opened {
  readonly connection: Connection
  readonly versions: ReadonlyMap<number, number>
}

/** Connects, learns the broker's versions, which kafkajs needs for SASL, and authenticates. */
async function greet(connection: Connection): Promise<Opened> {
  await connection.connect()
  const { error, versions } = await send(connection, apiVersions, null)
  if (error !== 0) throw refused('LOG_UNAVAILABLE', 'the version request', error)
  connection.setVersions(
    Object.fromEntries(versions.map(({ key, min, max }) => [key, { minVersion: min, maxVersion: max }])),
  )
  connection.setSupportAuthenticationProtocol(true)
  await connection.authenticate()
  return { connection, versions: new Map(versions.map(({ key, max }) => [key, max])) }
}

function send<Request, Response>(
  connection: Connection,
  { name, key, version, flexible = false, write, read }: Api<Request, Response>,
  request: Request,
): Promise<Response> {
  return connection.send<Response>({
    request: {
      apiKey: key,
      apiVersion: version,
      apiName: name,
      async encode() {
        const body = new Writer()
        if (flexible) body.noTags() // ends the request's header, which kafkajs writes without
        write(body, request)
        return new Encoder(body.length).writeBuffer(body.done())
      },
    },
    response: {
      async decode(payload) {
        const reader = new Reader(payload)
        if (flexible) reader.skipTags()
        return read(reader)
      },
      parse: async (decoded) => decoded,
    },
    logResponseError: false,
  })
}

async function withDeadline<Result>(work: Promise<Result>, ms: number, what: string): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

type Logger = ConstructorParameters<typeof Connection>[0]['logger']

/** Failures are told by whoever meets them; kafkajs's own lines are for debugging. */
function loggerOf(log: Log): Logger {
  const trace = (message: string, extra?: object) => log.trace(extra ?? {}, `kafkajs: ${message}`)
  const logger: Logger = { namespace: () => logger, debug: () => undefined, info: trace, warn: trace, error: trace }
  return logger
}
