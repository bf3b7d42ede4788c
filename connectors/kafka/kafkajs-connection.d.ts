// What we use of kafkajs: its connection to one broker (sockets, TLS, SASL, framing, request timeouts). The package types
// its public interface only; these are the types of two of its modules in 2.2.4, the version that is pinned.

declare module 'kafkajs/src/network/connection.js' {
  import type { Socket } from 'node:net'
  import type { SASLOptions } from 'kafkajs'

  interface Options {
    host: string
    port: number
    clientId: string
    ssl: object | null
    sasl: SASLOptions | null
    connectionTimeout: number
    requestTimeout: number
    logger: Logger
    socketFactory(at: { host: string; port: number; ssl: object | null; onConnect: () => void }): Socket
  }

  interface Logger {
    namespace(name: string): Logger
    debug(message: string, extra?: object): void
    info(message: string, extra?: object): void
    warn(message: string, extra?: object): void
    error(message: string, extra?: object): void
  }

  interface Request {
    apiKey: number
    apiVersion: number
    apiName: string
    encode(): Promise<unknown>
  }

  interface Response<Decoded> {
    decode(payload: Buffer): Promise<Decoded>
    parse(decoded: Decoded): Promise<Decoded>
  }

  class Connection {
    readonly requestQueue: { scheduleCheckPendingRequests: () => void }
    constructor(options: Options)
    connect(): Promise<boolean>
    disconnect(): Promise<boolean>
    isConnected(): boolean
    setVersions(versions: Record<number, { minVersion: number; maxVersion: number }>): void
    setSupportAuthenticationProtocol(isSupported: boolean): void
    authenticate(): Promise<void>
    rejectRequests(error: Error): void
    send<Decoded>(request: {
      request: Request
      response: Response<Decoded>
      requestTimeout?: number
      logResponseError?: boolean
    }): Promise<Decoded>
  }
  export default Connection
}

declare module 'kafkajs/src/protocol/encoder.js' {
  class Encoder {
    constructor(initialSize?: number)
    writeBuffer(bytes: Buffer): this
  }
  export default Encoder
}
