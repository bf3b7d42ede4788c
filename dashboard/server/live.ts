import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { messageOf } from '../../core/errors.ts'
import { jsonOf } from '../../core/json.ts'
import { PageMessage, protocolVersion } from '../protocol.ts'
import { encode, type Viewers } from './viewers.ts'

export interface LiveOptions {
  readonly viewers: Viewers
  readonly version: string
}

/** WebSocket close codes (RFC 6455, section 7.4.1). */
const policyViolation = 1008

/** `/ws` for the page, and `/api/live`: the same snapshot as JSON. */
export const live = fastifyPlugin(async (server: FastifyInstance, { viewers, version }: LiveOptions) => {
  server.get('/ws', { websocket: true }, (socket) => {
    socket.send(encode({ type: 'hello', protocol: protocolVersion, version }))
    const viewer = viewers.join(socket)
    socket.on('close', viewer.leave)
    socket.on('message', (data, isBinary) => {
      const message = isBinary ? undefined : PageMessage.safeParse(jsonOf(data.toString())).data
      if (message === undefined) return socket.close(policyViolation, 'not a message of this protocol')
      if (message.type === 'seen') viewer.seen(message.seq)
      else viewer.look(message.visible)
    })
  })

  server.get('/api/live', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    try {
      return await viewers.current()
    } catch (error) {
      return reply.code(503).send({ error: messageOf(error) })
    }
  })
})
