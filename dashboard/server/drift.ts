import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import * as z from 'zod/mini'
import { attempt } from './answers.ts'
import type { DriftFeed } from './drift-feed.ts'

const Query = z.object({ check: z._default(z.string().check(z.maxLength(200)), '') })

/** `/api/drift?check=…`: the last checks, and one of them in full. */
export const drift = fastifyPlugin(async (server: FastifyInstance, { feed }: { readonly feed: DriftFeed }) => {
  server.get('/api/drift', async (request, reply) => {
    const query = Query.safeParse(request.query)
    if (!query.success) return reply.code(400).send({ error: z.prettifyError(query.error) })
    return attempt(reply, () => feed.page(query.data.check))
  })
})
