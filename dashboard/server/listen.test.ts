import { createServer as createTcp, type Server } from 'node:net'
import fastify from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { isLoopback } from './guard.ts'
import { type Address, listen } from './listen.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function start(address: Partial<Address>) {
  const build = async () => fastify()
  const listening = await listen(build, { host: '127.0.0.1', port: 0, portWasSet: false, token: undefined, ...address })
  closers.push(() => listening.server.close())
  return listening
}

async function busyPort(): Promise<number> {
  const server: Server = createTcp()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => new Promise((resolve) => server.close(resolve)))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP port was expected')
  return address.port
}

test('a busy port that nobody asked for is left for a free one', async () => {
  const port = await busyPort()
  const { url } = await start({ port })
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
  expect(url).not.toContain(`:${port}/`)
  expect((await fetch(url)).status).toBe(404)
})

test('a busy port that was asked for is refused', async () => {
  const port = await busyPort()
  await expect(start({ port, portWasSet: true })).rejects.toMatchObject({ code: 'ADDRESS_UNAVAILABLE' })
})

test('an address that this machine does not have is refused', async () => {
  const token = 'x'.repeat(16)
  await expect(start({ host: '192.0.2.1', token })).rejects.toMatchObject({ code: 'ADDRESS_UNAVAILABLE' })
})

test.each(['0.0.0.0', '::', '192.168.1.4', 'driftline.example'])('%s needs a token', async (host) => {
  await expect(start({ host })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    details: { reason: expect.stringContaining('DRIFTLINE_TOKEN') },
  })
})

test('with a token every interface may be bound, and the address told can be visited', async () => {
  const { url } = await start({ host: '0.0.0.0', token: 'x'.repeat(16) })
  expect(url).toMatch(/^http:\/\/localhost:\d+\/$/)
  expect((await fetch(url.replace('localhost', '127.0.0.1'))).status).toBe(404)
})

test.each([
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['localhost', true],
  ['LOCALHOST', true],
  ['::1', true],
  ['[::1]', true],
  ['0.0.0.0', false],
  ['::', false],
  ['127.0.0.1.evil.example', false],
  ['localhost.evil.example', false],
  ['127.evil.example', false],
  ['10.0.0.1', false],
])('%s is loopback: %s', (host, loopback) => {
  expect(isLoopback(host)).toBe(loopback)
})
