import type { FastifyInstance, FastifyReply } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import * as z from 'zod/mini'
import type { Clock } from '../../core/clock.ts'
import { AnswerRequest, NextRequest, PostRequest, ReleaseRequest } from '../review-api.ts'
import { attempt } from './answers.ts'
import type { Outcome, ReviewDesk } from './review-desk.ts'

export interface ReviewOptions {
  readonly desk: ReviewDesk
  readonly clock: Clock
}

/** Requests that change something, of all pages together: far above what fingers do, far below what hurts the store. */
const perSecond = 30
const burst = 60

/**
 * `/api/review`: posts to judge and the answers to them. The guard has seen to it that a browser asks from our own page
 * only; what comes as anything but JSON is refused, so that no form of another page could be taken for an answer.
 */
export const review = fastifyPlugin(async (server: FastifyInstance, { desk, clock }: ReviewOptions) => {
  const allow = bucket(clock)

  server.get('/api/review', async (_request, reply) => attempt(reply, () => desk.summary()))

  const post = <Schema extends z.ZodMiniType>(
    path: string,
    schema: Schema,
    act: (body: z.infer<Schema>, reply: FastifyReply) => Promise<unknown>,
  ) =>
    server.post(path, async (request, reply) => {
      if (!allow()) return reply.code(429).header('retry-after', '1').send({ error: 'too many answers at once' })
      const body = schema.safeParse(request.body)
      if (!body.success) return reply.code(400).send({ error: z.prettifyError(body.error) })
      return attempt(reply, () => act(body.data, reply))
    })

  post('/api/review/next', NextRequest, async (body) => ({
    posts: await desk.next(body),
    summary: await desk.summary(),
  }))
  post('/api/review/answer', AnswerRequest, async (body, reply) => told(reply, await desk.answer(body)))
  post('/api/review/skip', PostRequest, async ({ reviewer, postId }, reply) =>
    told(reply, await desk.skip(reviewer, postId)),
  )
  post('/api/review/undo', PostRequest, async ({ reviewer, postId }, reply) => {
    const undone = await desk.undo(reviewer, postId)
    return undone === undefined ? reply.code(404).send({ error: 'there is no answer to take back' }) : { post: undone }
  })
  post('/api/review/release', ReleaseRequest, async ({ reviewer }) => {
    desk.release(reviewer)
    return {}
  })
})

function told(reply: FastifyReply, outcome: Outcome): unknown {
  if (outcome === 'written') return {}
  if (outcome === 'unknown') return reply.code(404).send({ error: 'nobody is asked about this post' })
  return reply.code(422).send({ error: 'that is none of the classes of this post' })
}

/** A token bucket. */
function bucket(clock: Clock): () => boolean {
  let tokens = burst
  let atMs = clock.now()
  return () => {
    const now = clock.now()
    tokens = Math.min(burst, tokens + (Math.max(0, now - atMs) / 1000) * perSecond)
    atMs = now
    if (tokens < 1) return false
    tokens--
    return true
  }
}
