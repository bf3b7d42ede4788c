import { storeClient } from '../../../clickhouse/client.ts'
import { openEventLog } from '../../../connectors/open-log.ts'
import { systemClock } from '../../../core/clock.ts'
import type { Config } from '../../../core/config.ts'
import { silentLog } from '../../../core/log.ts'
import { Opener } from '../../../models/registry/opener.ts'
import { runScoreJob } from '../main.ts'
import { recordSwap } from '../record-swap.ts'
import { type StartScorer, startModel } from '../start-model.ts'
import { ModelSwitch } from '../swap.ts'
import { fakeScorer } from './fake-scorer.ts'

// The score job with scorers that need no model, in a process of its own, which a test kills. Its configuration comes as
// JSON in the first argument; whoever is through with it closes its stdin.

const config = JSON.parse(process.argv[2] ?? '') as Config
const common = { clock: systemClock, log: silentLog }
const connect = () => storeClient(config)
const start: StartScorer = async ({ manifest: { version } }) => fakeScorer(version)
const stop = new AbortController()
process.stdin.resume().once('end', () => stop.abort())

const eventLog = await openEventLog(config, silentLog)
const { ready, follow } = await startModel(config.model, config, { start, signal: stop.signal, ...common })
const models = new ModelSwitch({ first: ready, record: recordSwap(connect), ...common })
const opener = new Opener(config)
try {
  const open = opener.open.bind(opener)
  const options = { config, eventLog, connect, models, follow, open, start, untilEnd: false, acceptRecreated: false }
  await runScoreJob({ ...options, signal: stop.signal, ...common })
} finally {
  await models[Symbol.asyncDispose]()
  await opener[Symbol.asyncDispose]()
  await eventLog[Symbol.asyncDispose]()
}
