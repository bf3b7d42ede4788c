import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import { isLoopback } from './guard.ts'

export interface Address {
  readonly host: string
  /** 0 takes any free one. */
  readonly port: number
  /** Whether somebody asked for this very port: then another one would be a surprise. */
  readonly portWasSet: boolean
  readonly token: string | undefined
}

export interface Listening {
  readonly server: FastifyInstance
  /** For people, such as `http://127.0.0.1:8787/`. */
  readonly url: string
}

/**
 * Listens; on a busy port that nobody asked for, takes a free one.
 *
 * @param build makes a new server: one that failed to listen cannot be used again
 * @throws DriftlineError `CONFIG_INVALID` for an address beyond this machine without a token, `ADDRESS_UNAVAILABLE`
 */
export async function listen(build: () => Promise<FastifyInstance>, address: Address): Promise<Listening> {
  const { host, port, portWasSet, token } = address
  if (token === undefined && !isLoopback(host)) {
    const reason = `host ${host} can be reached from other machines, and there is no token; set DRIFTLINE_TOKEN`
    throw new DriftlineError('CONFIG_INVALID', { reason })
  }
  const attempt = async (tried: number): Promise<Listening> => {
    const server = await build()
    try {
      await server.listen({ host, port: tried, listenTextResolver: () => 'dashboard is listening' })
    } catch (error) {
      await server.close()
      throw error
    }
    return { server, url: urlOf(host, server.server.address()) }
  }
  try {
    return await attempt(port)
  } catch (error) {
    if (isBusy(error) && !portWasSet) return attempt(0)
    if (!isSystemError(error)) throw error
    throw new DriftlineError('ADDRESS_UNAVAILABLE', { host, port, reason: messageOf(error) }, { cause: error })
  }
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error && 'code' in error
const isBusy = (error: unknown): boolean => isSystemError(error) && error.code === 'EADDRINUSE'

/** An address that means every interface is no address to visit; this machine's own name is. */
function urlOf(host: string, bound: AddressInfo | string | null): string {
  if (bound === null || typeof bound === 'string') throw new Error('a TCP port was expected')
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.replace(/^\[|\]$/g, '')
  return `http://${name.includes(':') ? `[${name}]` : name}:${bound.port}/`
}
