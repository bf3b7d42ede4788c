import { storeClient } from '../clickhouse/client.ts'
import { openEventLog } from '../connectors/open-log.ts'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { createScorer, workersOf } from '../inference/create-scorer.ts'
import { Crew } from '../inference/crew.ts'
import { runScoreJob, type ScoreSummary } from '../jobs/score/main.ts'
import { recordSwap } from '../jobs/score/record-swap.ts'
import { rehearseSwap } from '../jobs/score/rehearse-swap.ts'
import { type StartScorer, startModel } from '../jobs/score/start-model.ts'
import { ModelSwitch } from '../jobs/score/swap.ts'
import { Opener } from '../models/registry/opener.ts'
import { type Context, runs, verb } from './command.ts'
import { provingWith } from './prove-model.ts'
import { withStore } from './with-store.ts'

interface ScoreOptions extends Record<string, unknown> {
  readonly untilEnd?: boolean
  readonly acceptRecreated?: boolean
}

/** Reads posts from the log, scores them, writes the rows. */
export const scoreCommand = () =>
  verb('score', 'score the posts of the log and write them to ClickHouse')
    .option('--until-end', 'stop once the log is drained')
    .option(
      '--accept-recreated',
      'go on with the first record of a topic that was made anew, or of which retention removed the next',
    )
    .option('--model <model>', 'name in the registry, name@version, `bundled` or a model directory')
    .option('--device <device>', 'auto, cpu, cuda or webgpu')
    .option('--variant <variant>', 'auto, fp32, int8 or fp16')
    .option('--workers <n>', 'inference threads')
    .option('--topic <topic>', 'topic that holds the posts')
    .option('--map <fields>', 'for a topic in other JSON than ours: text=body,id=key (docs/kafka.md)')
    .option('--batch-posts <n>', 'most posts scored and inserted together per partition')
    .option('--linger-ms <ms>', 'longest wait for a batch to fill')
    .action(runs(score))

async function score(context: Context, { untilEnd = false, acceptRecreated = false }: ScoreOptions): Promise<number> {
  const { config, log, signal, json } = context
  const eventLog = await openEventLog(config, log)
  try {
    const { device, variant, workers, batchTokens } = config
    // As many as one version needs: the threads of the one that goes are those of the next that comes.
    await using crew = new Crew(workersOf(workers, 'cpu'))
    await using opener = new Opener(config)
    const options = { variant, workers, batchTokens, crew, log }
    const prove = provingWith(context)
    const start: StartScorer = async (directory, beside) => {
      await prove(directory, beside === undefined ? {} : { signal: beside.signal })
      if (beside === undefined) return createScorer({ ...options, directory, device })
      const { provider, ...others } = beside
      return createScorer({ ...options, ...others, directory, device: provider })
    }
    const connect = () => storeClient(config)
    const clock = systemClock
    const { ready, follow } = await startModel(config.model, config, { start, clock, log, signal })
    const models = new ModelSwitch({ first: ready, record: recordSwap(connect), clock, log })
    const stop = new AbortController()
    const rehearsal =
      follow === undefined || untilEnd
        ? undefined
        : rehearseSwap({
            openDirectory: (path, signal) => opener.openDirectory(path, signal),
            load: (directory, how) =>
              createScorer({ ...options, ...how, directory, device: ready.scorer.provider, log: silentLog }),
            log,
            signal: AbortSignal.any([signal, stop.signal]),
          })
    try {
      const summary = await withStore(config, log, signal, () =>
        runScoreJob({
          config,
          eventLog,
          connect,
          models,
          follow,
          open: (name, version, signal) => opener.open(name, version, signal),
          start,
          clock,
          log,
          signal,
          untilEnd,
          acceptRecreated,
        }),
      )
      process.stdout.write(json ? `${JSON.stringify(summary)}\n` : describe(summary))
      return 0
    } finally {
      stop.abort()
      await rehearsal
      await models[Symbol.asyncDispose]()
    }
  } finally {
    await eventLog[Symbol.asyncDispose]()
  }
}

function describe({ scored, dead, seconds, postsPerSecond }: ScoreSummary): string {
  const refused = dead === 0 ? '' : `, ${dead} dead (driftline sql "SELECT * FROM dead_posts")`
  return `${scored} posts scored${refused} in ${seconds.toFixed(1)} s: ${postsPerSecond} posts/s\n`
}
