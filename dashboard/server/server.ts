import websocket from '@fastify/websocket'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import { alerts } from './alerts.ts'
import type { AlertsFeed } from './alerts-feed.ts'
import { drift } from './drift.ts'
import type { DriftFeed } from './drift-feed.ts'
import type { LiveFeed } from './feed.ts'
import { guard } from './guard.ts'
import { health } from './health.ts'
import { live } from './live.ts'
import { metrics } from './metrics.ts'
import { models } from './models.ts'
import type { ModelsFeed } from './models-feed.ts'
import { page } from './page.ts'
import { review } from './review.ts'
import type { ReviewDesk } from './review-desk.ts'
import { Viewers } from './viewers.ts'

export interface ServerOptions {
  readonly feed: LiveFeed
  readonly desk: ReviewDesk
  readonly drift: DriftFeed
  readonly models: ModelsFeed
  readonly alerts: AlertsFeed
  readonly clock: Clock
  readonly log: Log
  /** Needed on any address but loopback; see `listen`. */
  readonly token: string | undefined
  /** Driftline's version, told to the page so that it can load itself anew after an update. */
  readonly version: string
}

/** What a page gets for its answer to our close, in milliseconds; one that sleeps would hold the process for 30 s. */
const farewellMs = 500
/** The endpoint is going away (RFC 6455, section 7.4.1). */
const goingAway = 1001

/** Most bytes of one message from a page: the longest is about forty. */
const maxPayload = 1_024

/** The dashboard's HTTP server, not yet listening. Closing it lets the pages go and leaves the feed to its owner. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { feed, clock, log, token, version } = options
  const loggerInstance: FastifyBaseLogger = log // the wider type, or the server's own would name pino's
  const server = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }), // an address may carry the token
    forceCloseConnections: true,
    bodyLimit: 64 * 1024,
  })
  const viewers = new Viewers(feed, clock, log)
  server.addHook('preClose', () => viewers.close())
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'there is nothing here' }))

  await server.register(websocket, { options: { maxPayload }, preClose: letPagesGo })
  await server.register(guard, { token })
  await server.register(page)
  await server.register(health, { feed })
  await server.register(metrics, { feed })
  await server.register(live, { viewers, version })
  await server.register(review, { desk: options.desk, clock })
  await server.register(drift, { feed: options.drift })
  await server.register(alerts, { feed: options.alerts })
  await server.register(models, { feed: options.models })
  return server
}

function letPagesGo(this: FastifyInstance, done: () => void): void {
  const { clients } = this.websocketServer
  for (const client of clients) client.close(goingAway)
  setTimeout(() => {
    for (const client of clients) client.terminate()
  }, farewellMs).unref()
  done()
}
