import { once } from 'node:events'
import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { manualClock } from '../../../dataflow/testing/manual-clock.ts'
import { Bucket } from './bucket.ts'

test.each([
  ['429', 429, ''],
  ['503', 503, '<Error><Code>SlowDown</Code></Error>'],
  ['a conflict of two writers', 409, '<Error><Code>ConditionalRequestConflict</Code></Error>'],
])('a store that goes on answering %s may answer later', async (_, status, body) => {
  const clock = manualClock()
  let asked = 0
  const server = createServer((_, answer) => {
    asked++
    answer.writeHead(status).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const url = `http://127.0.0.1:${address.port}/models`
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret', sessionToken: undefined }
  try {
    const bucket = new Bucket({ url, region: 'us-east-1', ...credentials, clock })
    const passing = { code: 'REGISTRY_UNAVAILABLE', retryable: true, details: { status, action: 'PUT', key: 'one' } }
    await expect(clock.until(bucket.put('one', Buffer.from('1'), 'absent'))).rejects.toMatchObject(passing)
    expect(asked).toBe(4)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
