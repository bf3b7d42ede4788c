import type { ClickHouseClient } from '@clickhouse/client'
import { clickHouseSink, type LoggedRow } from '../../connectors/clickhouse.ts'
import type { EventLog, LogRecord, Offset, TopicInfo } from '../../connectors/event-log.ts'
import { describeSample, trySample } from '../../connectors/map-sample.ts'
import { untilAvailable } from '../../connectors/until-available.ts'
import type { Clock } from '../../core/clock.ts'
import type { Config } from '../../core/config.ts'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { BackOff } from '../../dataflow/back-off.ts'
import type { StepStats } from '../../dataflow/metrics.ts'
import { run } from '../../dataflow/run.ts'
import type { Source } from '../../dataflow/source.ts'
import { authorHasher, authorKey } from '../../text/author.ts'
import { deadTopicOf } from '../../text/dead-post.ts'
import { parseFieldMap } from '../../text/field-map.ts'
import { deadFlow, scoreFlow } from './flow.ts'
import { followAlias } from './follow-alias.ts'
import { followTraffic } from './follow-traffic.ts'
import { insertShadows } from './insert-shadows.ts'
import { mappedParser, type Parsed, parseRecord } from './parse.ts'
import { pastRemoved } from './past-removed.ts'
import { reportStatus, scoreGroup } from './report-status.ts'
import { deadRow, scoreBatch } from './rows.ts'
import { Shadows } from './shadows.ts'
import type { Followed, OpenVersion, StartScorer } from './start-model.ts'
import type { ModelSwitch } from './swap.ts'
import { tellWrites } from './tell-writes.ts'

export interface ScoreJobOptions {
  readonly config: Config
  readonly eventLog: EventLog
  /** See `ClickHouseSinkOptions`. */
  readonly connect: () => ClickHouseClient
  /** Holds the model that is ready; disposed by the caller. */
  readonly models: ModelSwitch
  /** Where its later versions come from; `undefined` for a model that stays. */
  readonly follow: Followed | undefined
  readonly open: OpenVersion
  readonly start: StartScorer
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** Stop at the offsets that were the ends of the topics at the start. */
  readonly untilEnd: boolean
  /** See `ClickHouseSinkOptions`. */
  readonly acceptRecreated: boolean
}

export interface ScoreSummary {
  /** Rows made durable by this run. */
  readonly scored: number
  readonly dead: number
  readonly seconds: number
  readonly postsPerSecond: number
  /** Processor time of all threads. */
  readonly cpuSeconds: number
  /** How long the main thread was not idle: all but the model runs there. */
  readonly mainThreadSeconds: number
  /** What each step of the score flow did, over all partitions: the one that is neither waiting nor blocked is the bottleneck. */
  readonly steps: readonly StepTotals[]
}

export type StepTotals = Pick<StepStats, 'step' | 'in' | 'busyMs' | 'waitingMs' | 'blockedMs'>

/** Whoever waits for a broker or for ClickHouse is back within seconds of it. */
const backOff: BackOff = { firstMs: 100, maxMs: 5000 }

/** Drain within this, so that stopping all parts stays under 5 s. */
const drainMs = 800

/** The score job: both topics to their tables, until the signal is aborted or, with `untilEnd`, the logs are drained. */
export async function runScoreJob(options: ScoreJobOptions): Promise<ScoreSummary> {
  const { config, eventLog, connect, models, follow, open, start, clock, log, signal, untilEnd, acceptRecreated } =
    options
  const topicOf = (name: string, partitions: number) =>
    untilAvailable('the event log', () => eventLog.createTopic(name, partitions), { clock, log, signal })
  const posts = await topicOf(config.topic, config.partitions)
  const dead = await topicOf(deadTopicOf(config.topic), 1)
  const counts = { scored: 0, dead: 0 }
  const count = (rows: readonly LoggedRow[]) => {
    for (const { table } of rows) counts[table === 'scores' ? 'scored' : 'dead']++
  }
  const limits = { maxItems: config.batchPosts, maxWaitMs: config.lingerMs }
  const parse = parserOf(config)
  if (config.map !== undefined) {
    // A job that runs already must start again whatever its newest records are, so this only tells.
    const report = await trySample(eventLog, posts.name, parseFieldMap(config.map), signal)
    log[report.records > 0 && report.posts === 0 ? 'error' : 'info']({ report: describeSample(report) }, 'map tried')
  }
  const startedAt = clock.now()
  const [cpuAtStart, loopAtStart] = [process.cpuUsage(), performance.eventLoopUtilization()]
  const failed = new AbortController()
  const runOptions = { signal: AbortSignal.any([signal, failed.signal]), clock, log, drainMs, backOff }
  const sourceOf = ({ name: topic }: TopicInfo) => {
    const source = eventLog.source(topic, { untilEnd, group: scoreGroup })
    return announced(acceptRecreated ? pastRemoved(source, { topic, eventLog, log }) : source)
  }
  const sources = { posts: sourceOf(posts), dead: sourceOf(dead) }
  const committed = async (partition: number) => (await eventLog.committed(scoreGroup, posts.name)).get(partition)
  const dangerouslyUnguarded = config.dangerouslyUnguarded ? committed : undefined
  const shadows = new Shadows({ insert: insertShadows(connect), clock, log })
  const flows = [
    {
      topic: posts,
      isAssigned: sources.posts.isAssigned,
      run: run(
        scoreFlow(
          sources.posts.source,
          scoreBatch(models, posts, clock, shadows),
          tellWrites(
            clickHouseSink({ connect, topic: posts, positionsIn: 'scores', acceptRecreated, dangerouslyUnguarded }),
            {
              onWritten: (partition, rows, { position }) => {
                count(rows)
                shadows.written(Number(partition), position)
              },
              onClose: (partition) => {
                models.forget(posts, Number(partition))
                shadows.forget(Number(partition))
              },
            },
          ),
          limits,
          parse,
        ),
        runOptions,
      ),
    },
    {
      topic: dead,
      isAssigned: sources.dead.isAssigned,
      run: run(
        deadFlow(
          sources.dead.source,
          deadRow(dead, clock),
          tellWrites(clickHouseSink({ connect, topic: dead, positionsIn: 'dead_posts', acceptRecreated }), {
            onWritten: (_, rows) => count(rows),
          }),
          limits,
        ),
        runOptions,
      ),
    },
  ]
  const followOptions = follow === undefined ? undefined : { follow, models, open, start, clock, log }
  const alias = followOptions === undefined ? undefined : followAlias(followOptions)
  const traffic = followOptions === undefined ? undefined : followTraffic(followOptions)
  const lastSwap = () => alias?.last
  const challengers = () => traffic?.challengers ?? []
  const stopFollowing = async () => {
    const stopped = Promise.all([alias?.stop(), traffic?.stop()])
    follow?.leave() // what they have asked the registry
    await stopped
    await shadows[Symbol.asyncDispose]()
  }
  const status = reportStatus({ config, eventLog, flows, models, lastSwap, challengers, counts, clock, log })
  const done = flows.map((flow) => flow.run.done)
  try {
    await Promise.all(done)
    await stopFollowing()
    await status.stop(signal.aborted ? 'stopped' : 'ended')
  } catch (error) {
    // The caller closes log and store once this throws, so no flow may still be at work.
    failed.abort(error)
    await Promise.allSettled(done)
    await stopFollowing()
    await status.stop('halted', messageOf(error))
    throw error
  }
  const seconds = Math.max(clock.now() - startedAt, 1) / 1000
  const steps = totals(flows[0]?.run.stats().lanes.flatMap((lane) => lane.steps) ?? [])
  const { user, system } = process.cpuUsage(cpuAtStart)
  return {
    ...counts,
    seconds,
    postsPerSecond: Math.round(counts.scored / seconds),
    cpuSeconds: (user + system) / 1e6,
    mainThreadSeconds: performance.eventLoopUtilization(loopAtStart).active / 1000,
    steps,
  }
}

function parserOf({ map, topic, data }: Config): (record: LogRecord) => Parsed {
  return map === undefined ? parseRecord : mappedParser(parseFieldMap(map), topic, authorHasher(authorKey(data)))
}

/** The same source, which remembers that it has said what to read. */
function announced(source: Source<LogRecord, Offset>) {
  let isAssigned = false
  return {
    isAssigned: () => isAssigned,
    source: {
      ...source,
      async *assignments(signal: AbortSignal) {
        for await (const partitions of source.assignments(signal)) {
          isAssigned = true
          yield partitions
        }
      },
    },
  }
}

function totals(steps: readonly StepStats[]): StepTotals[] {
  const byStep = new Map<string, StepTotals>()
  for (const { step, in: items, busyMs, waitingMs, blockedMs } of steps) {
    const sum = byStep.get(step) ?? { step, in: 0, busyMs: 0, waitingMs: 0, blockedMs: 0 }
    byStep.set(step, {
      step,
      in: sum.in + items,
      busyMs: Math.round(sum.busyMs + busyMs),
      waitingMs: Math.round(sum.waitingMs + waitingMs),
      blockedMs: Math.round(sum.blockedMs + blockedMs),
    })
  }
  return [...byStep.values()]
}
