import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { silentLog } from '../../core/log.ts'
import { BrokerConnection } from './connection.ts'

/** A broker that says of every request that it knows versions 0 to 7 of key 3. */
async function broker() {
  const server = createServer((socket) => {
    socket.on('data', (request) => {
      const answer = Buffer.alloc(24)
      answer.writeInt32BE(20, 0)
      request.copy(answer, 4, 8, 12) // the number of the request
      answer.writeInt32BE(1, 10)
      for (const [at, value] of [3, 0, 7].entries()) answer.writeInt16BE(value, 14 + 2 * at)
      socket.write(answer)
    })
    socket.on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the broker listens to no port')
  return { host: '127.0.0.1', port: address.port, [Symbol.dispose]: () => void server.close() }
}

test('a connection that rests sets no timers', async () => {
  using at = await broker()
  const connection = new BrokerConnection(at, {
    ...{ clientId: 'test', tls: undefined, sasl: undefined, timeoutMs: 10_000, log: silentLog },
  })
  try {
    expect(await connection.highestVersion(3)).toBe(7)
    const timers = vi.spyOn(globalThis, 'setTimeout')
    await delay(50)
    expect(timers.mock.calls.length).toBe(0)
  } finally {
    vi.restoreAllMocks()
    connection.close()
  }
})
