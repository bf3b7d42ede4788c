import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What the receiver answers; `hang` never does. */
export type Answer = number | { readonly status: number; readonly headers: Readonly<Record<string, string>> } | 'hang'

/** A receiver of webhooks on a free port: it gives the scripted answers in turn, then 200. */
export async function receiver(...answers: readonly Answer[]) {
  const received: Received[] = []
  const script = [...answers]
  const server = createServer(async (request, response) => {
    received.push({ headers: request.headers, body: await text(request) })
    const answer = script.shift() ?? 200
    if (answer === 'hang') return
    const { status, headers } = typeof answer === 'number' ? { status: answer, headers: {} } : answer
    response.writeHead(status, headers).end('thanks')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
