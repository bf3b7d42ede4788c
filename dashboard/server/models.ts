import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import * as z from 'zod/mini'
import { attempt } from './answers.ts'
import type { ModelsFeed } from './models-feed.ts'

const Version = z.object({
  name: z.string().check(z.regex(/^[a-z][a-z0-9-]{0,63}$/)),
  version: z.coerce.number().check(z.int(), z.positive()),
})

/** A report made from data: a page without scripts, in an origin of its own. */
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

/** `/api/models`: versions and what is about to change; `/api/models/<name>/<version>/gates`: the report of its gates. */
export const models = fastifyPlugin(async (server: FastifyInstance, { feed }: { readonly feed: ModelsFeed }) => {
  server.get('/api/models', async (_request, reply) => attempt(reply, () => feed.page()))

  server.get('/api/models/:name/:version/gates', async (request, reply) =>
    attempt(reply, async () => {
      const wanted = Version.safeParse(request.params)
      const page = wanted.success ? await feed.gatesPage(wanted.data.name, wanted.data.version) : undefined
      if (page === undefined) return reply.code(404).send({ error: 'no such report' })
      return reply.type('text/html; charset=utf-8').header('content-security-policy', reportPolicy).send(page)
    }),
  )
})
