import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { AlertsFeed } from './alerts-feed.ts'
import { attempt } from './answers.ts'

/** `/api/alerts`: the newest alerts, and how telling people of them went. */
export const alerts = fastifyPlugin(async (server: FastifyInstance, { feed }: { readonly feed: AlertsFeed }) => {
  server.get('/api/alerts', async (_request, reply) => attempt(reply, () => feed.page()))
})
