import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { messageOf } from '../../core/errors.ts'
import type { LiveFeed } from './feed.ts'

/** Parts that must work before posts become scores; of several replicas of a job, one. */
const needed = ['log', 'store', 'score'] as const

/**
 * `/livez`: this process answers. `/readyz`: log, ClickHouse and the score job work, with the model and the provider
 * that is truly in use; 503 otherwise. Without the token it says only whether.
 */
export const health = fastifyPlugin(async (server: FastifyInstance, { feed }: { readonly feed: LiveFeed }) => {
  server.get('/livez', async (_request, reply) => reply.header('cache-control', 'no-store').send({ live: true }))

  server.get('/readyz', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    try {
      const parts = await feed.parts()
      const ready = needed.every((name) =>
        parts.some((part) => part.name.split('@')[0] === name && part.state === 'ok'),
      )
      return reply.code(ready ? 200 : 503).send(request.authorised ? { ready, parts } : { ready })
    } catch (error) {
      const reason = messageOf(error)
      return reply.code(503).send(request.authorised ? { ready: false, parts: [], reason } : { ready: false })
    }
  })
})
