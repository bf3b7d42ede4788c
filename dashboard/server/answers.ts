import type { FastifyReply } from 'fastify'
import { DriftlineError } from '../../core/errors.ts'

/** Runs a route; what is away for now is 503 and no fault of the page, anything else of the catalogue 500. */
export async function attempt(reply: FastifyReply, act: () => Promise<unknown>): Promise<unknown> {
  reply.header('cache-control', 'no-store')
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof DriftlineError)) throw error
    return reply.code(error.retryable ? 503 : 500).send({ error: error.message })
  }
}
