import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { RegistryPlace } from '../open-registry.ts'

/** A store that takes every request and never answers. */
export class SilentServer implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      this.#sockets.add(socket.on('error', () => socket.destroy()).resume())
    })
  }

  static async start(): Promise<SilentServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new SilentServer(server)
  }

  /** A registry in it. */
  place(data: string): RegistryPlace & { readonly registryUrl: string } {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the server listens to no port')
    const s3Endpoint = `http://127.0.0.1:${address.port}`
    return { data, registryUrl: 's3://models', s3Endpoint, s3AccessKeyId: 'key', s3SecretAccessKey: 'secret' }
  }

  /** Resolves when it is asked for the next time. */
  async asked(): Promise<void> {
    await once(this.#server, 'connection')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
