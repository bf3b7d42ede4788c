import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

const cookieName = 'driftline'
const yearSeconds = 365 * 24 * 3600

/** Whether an address or a host name can only mean this machine. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'))
}

/** The host of a `Host` header, without its port; `undefined` when it is none. */
function hostOf(header: string | undefined): string | undefined {
  if (header === undefined || !URL.canParse(`http://${header}`)) return undefined
  const { hostname, host, pathname, username } = new URL(`http://${header}`)
  return pathname === '/' && username === '' && host !== '' ? hostname : undefined
}

/** Compares in a time that tells nothing: digests have one length and reveal no common start. */
const same = (left: string, right: string): boolean =>
  timingSafeEqual(createHash('sha256').update(left).digest(), createHash('sha256').update(right).digest())

/** What the cookie holds instead of the token, so that a leaked cookie store does not give the token away. */
const sessionOf = (token: string): string => createHmac('sha256', token).update('driftline dashboard').digest('hex')

const cookiesOf = (header: string | undefined): ReadonlyMap<string, string> =>
  new Map(
    (header ?? '').split(';').map((pair) => {
      const [name = '', ...value] = pair.split('=')
      return [name.trim(), value.join('=').trim()]
    }),
  )

export interface GuardOptions {
  /** Without one, only this machine's own names are answered. */
  readonly token: string | undefined
}

/** Paths that a probe may ask for without the token; they tell no more than yes or no. */
const openPaths: ReadonlySet<string> = new Set(['/livez', '/readyz'])

declare module 'fastify' {
  interface FastifyRequest {
    /** The token was shown, or none is needed. */
    authorised: boolean
  }
}

/**
 * Who may ask.
 *
 * - Without a token the `Host` must be a loopback name: a web page whose name is made to resolve to 127.0.0.1 is refused.
 *   With a token any name is answered (a proxy's, say), because such a page has neither token nor cookie.
 * - A browser names the page that asks in `Origin`. On `/ws` and on anything but GET and HEAD it must be our own.
 *   Programs send none.
 * - The token comes as `Authorization: Bearer …`, or once as `/?token=…`, which leaves a cookie and a clean address.
 */
export const guard = fastifyPlugin(async (server: FastifyInstance, { token }: GuardOptions) => {
  const session = token === undefined ? undefined : sessionOf(token)
  server.decorateRequest('authorised', false)

  const authorised = (request: FastifyRequest): boolean => {
    if (token === undefined || session === undefined) return true
    const bearer = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1]
    if (bearer !== undefined) return same(bearer, token)
    return same(cookiesOf(request.headers.cookie).get(cookieName) ?? '', session)
  }

  server.addHook('onRequest', async (request, reply) => {
    const host = hostOf(request.headers.host)
    if (host === undefined || (token === undefined && !isLoopback(host))) {
      return refuse(reply, 421, 'this server does not answer to that name')
    }
    const changes = request.method !== 'GET' && request.method !== 'HEAD'
    if ((changes || request.ws) && !ownOrigin(request)) return refuse(reply, 403, 'another web page may not do that')

    const url = new URL(request.url, 'http://localhost')
    const offered = url.searchParams.get('token')
    if (token !== undefined && session !== undefined && url.pathname === '/' && offered !== null) {
      if (!same(offered, token)) return askForToken(reply, 'That is not the token.')
      const attributes = `Path=/; HttpOnly; SameSite=Lax; Max-Age=${yearSeconds}`
      return reply
        .header('set-cookie', `${cookieName}=${session}; ${attributes}`)
        .header('cache-control', 'no-store')
        .redirect('/', 303)
    }
    request.authorised = authorised(request)
    if (request.authorised || openPaths.has(url.pathname)) return
    if (url.pathname === '/') return askForToken(reply, '')
    return refuse(reply.header('www-authenticate', 'Bearer realm="driftline"'), 401, 'the token is missing or wrong')
  })
})

function ownOrigin({ headers: { origin, host } }: FastifyRequest): boolean {
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()
}

const refuse = (reply: FastifyReply, status: number, message: string): FastifyReply =>
  reply.code(status).send({ error: message })

/** A form without a script: it comes back as `/?token=…`. */
const askForToken = (reply: FastifyReply, problem: string): FastifyReply =>
  reply
    .code(401)
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(
      `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
        `<meta name="color-scheme" content="light dark"><title>Driftline</title><h1>Driftline</h1>` +
        `<form action="/"><p>${problem}</p><p><label>Token <input name="token" type="password" required autofocus>` +
        `</label> <button>Open</button></p></form></html>`,
    )
