import { storeClient } from '../../../../clickhouse/client.ts'
import { systemClock } from '../../../../core/clock.ts'
import { loadConfig } from '../../../../core/config.ts'
import { createLog } from '../../../../core/log.ts'
import { openFileRegistry, registryFolder } from '../../../../models/registry/file-registry.ts'
import { runCheck } from '../../run-check.ts'
import { driftSettings } from '../../settings.ts'
import { checkedVersion } from '../../target.ts'
import { referenceCache } from '../../window-check.ts'
import { createRetraining } from '../retraining.ts'

// A drift job that somebody kills: checks for drift and goes on with the retraining, until it is killed. The check is a
// real one and stored. With the argument `always-drift` its verdict is drift whatever it finds, so that the next loop begins
// as soon as one has ended.

const alwaysDrift = process.argv.includes('always-drift')

const { config } = loadConfig()
const registry = await openFileRegistry(registryFolder(config.data))
const { signal } = new AbortController()
const connect = () => storeClient(config)
const log = createLog('drift', config.logLevel)
const clock = systemClock
const retraining = createRetraining({
  config,
  registry,
  connect,
  clock,
  log,
  random: Math.random,
  recipe: { batchSize: 16, epochs: 8 },
  leaseMs: 1500,
  lookEveryMs: 200,
})
const references = referenceCache()
const target = checkedVersion(config, registry)

for (;;) {
  const client = connect()
  const tick = `${process.pid}-${clock.now()}`
  const settings = driftSettings(config)
  const documents = registry.documents
  const check = await runCheck({ client, documents, model: await target(), settings, clock, references, signal, tick })
  await client.close()
  await retraining.tick(check !== undefined && alwaysDrift ? { ...check, verdict: 'drift' } : check, signal)
  await retraining.settled()
  await clock.sleep(100)
}
