import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that Linux and macOS give to outgoing connections, so that none of those takes one before whoever asked
 * for it. Test files that run at the same time have a stretch each: brokers take theirs seconds after they were found free.
 */
const first = 15_000
const [stretch, stretches] = [500, 34]

/** Ports of loopback that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const from = first + (Number(process.env.VITEST_POOL_ID ?? 0) % stretches) * stretch
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(from, from + stretch)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    await once(server.close(), 'close')
    ports.add(port)
  }
  return [...ports]
}
