import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'

/** Stands before an S3 server and, when told to, lets a request through and cuts the connection instead of answering. */
export class LossyProxy {
  readonly endpoint: string
  readonly #server: Server
  #loses: ((method: string, path: string) => boolean) | undefined
  /** Answers that were lost so far. */
  lost = 0

  private constructor(server: Server, port: number) {
    this.#server = server
    this.endpoint = `http://127.0.0.1:${port}`
  }

  static async start(target: string): Promise<LossyProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const proxy = new LossyProxy(server, address.port)
    server.on('request', (asked, answer) => {
      // The host as it was asked for: the signature covers it.
      const { method = 'GET', url = '/', headers } = asked
      const forward = request(new URL(url, target), { method, headers }, (answered) => {
        if (proxy.#loses?.(method, url) === true) {
          proxy.#loses = undefined
          proxy.lost++
          answered.resume()
          answered.on('end', () => asked.socket.destroy())
          return
        }
        answer.writeHead(answered.statusCode ?? 500, answered.headers)
        answered.pipe(answer)
      })
      asked.pipe(forward)
    })
    return proxy
  }

  /** Loses the answer to the next request of that kind. */
  loseNext(which: (method: string, path: string) => boolean): void {
    this.#loses = which
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
