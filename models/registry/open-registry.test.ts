import { expect, test } from 'vitest'
import { openRegistryAt } from './open-registry.ts'
import { SilentServer } from './testing/silent-server.ts'

test('what a store is asked ends with the signal, and so does what it is asked later', async () => {
  await using server = await SilentServer.start()
  const stop = new AbortController()
  const registry = await openRegistryAt(server.place('unused'), { signal: stop.signal })
  const asked = server.asked()
  const asking = registry.aliases('tiny')
  registry.watch('tiny', () => undefined, AbortSignal.timeout(60_000))
  await asked
  stop.abort(new Error('enough'))
  await expect(asking).rejects.toBe(stop.signal.reason)
  await expect(registry.versions('tiny')).rejects.toBe(stop.signal.reason)
})
