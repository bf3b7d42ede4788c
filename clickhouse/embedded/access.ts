import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { ClickHouseException } from './exception.ts'
import { searchPairs } from './request.ts'

/** Who asks. Only the owner so far; what a user may do is decided from this. */
export interface User {
  readonly name: string
  readonly kind: 'owner'
}

/**
 * Keeps web pages out: a page that makes its own name resolve to 127.0.0.1 still sends that name as Host, and a page
 * that posts a form still sends its Origin.
 *
 * @throws ClickHouseException with status 403
 */
export function refuseForeignPages(message: IncomingMessage, port: number): void {
  const host = message.headers.host?.toLowerCase() ?? ''
  const names = ['127.0.0.1', 'localhost', '[::1]']
  if (!names.some((name) => host === name || host === `${name}:${port}`)) {
    throw ClickHouseException.raise('AUTHENTICATION_FAILED', 'Host header is not a loopback address.', 403)
  }
  const { origin } = message.headers
  const site = message.headers['sec-fetch-site']
  const ours = names.map((name) => `http://${name}:${port}`)
  const foreign = origin !== undefined && !ours.includes(origin.toLowerCase())
  if (foreign || site === 'cross-site' || site === 'same-site') {
    throw ClickHouseException.raise('AUTHENTICATION_FAILED', 'Web pages may not use this address.', 403)
  }
}

/**
 * Name and password from Basic, from the X-ClickHouse headers or from the URL, in this order.
 *
 * @throws ClickHouseException 194 when there is no password, 516 when it is wrong
 */
export function authenticate(message: IncomingMessage, password: string): User {
  const given = credentials(message)
  if (given.password === undefined) {
    throw ClickHouseException.raise('REQUIRED_PASSWORD', 'Password required but not specified.')
  }
  if (given.user !== 'default' || !equal(given.password, password)) {
    throw ClickHouseException.raise(
      'AUTHENTICATION_FAILED',
      `${given.user}: Authentication failed: password is incorrect, or there is no user with such name.`,
    )
  }
  return { name: 'default', kind: 'owner' }
}

function credentials(message: IncomingMessage): { user: string; password: string | undefined } {
  const [scheme, token] = message.headers.authorization?.split(' ') ?? []
  if (scheme?.toLowerCase() === 'basic' && token !== undefined) {
    const [user = '', ...rest] = Buffer.from(token, 'base64').toString('utf8').split(':')
    return { user, password: rest.join(':') }
  }
  const header = (name: string) => {
    const value = message.headers[name]
    return typeof value === 'string' ? value : undefined
  }
  const [user, key] = [header('x-clickhouse-user'), header('x-clickhouse-key')]
  if (user !== undefined || key !== undefined) return { user: user ?? 'default', password: key }
  const fields = new Map(searchPairs(message.url ?? ''))
  return { user: fields.get('user') ?? 'default', password: fields.get('password') }
}

/** Takes the same time wherever the two differ. */
function equal(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}
