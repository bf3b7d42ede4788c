import type { EventLog, Offset, TopicInfo } from '../../connectors/event-log.ts'
import type { Clock } from '../../core/clock.ts'
import type { Config } from '../../core/config.ts'
import type { Log } from '../../core/log.ts'
import { type JobStatus, type PartitionStatus, writeStatus } from '../../core/status.ts'
import type { LaneState, LaneStats } from '../../dataflow/metrics.ts'
import type { Run } from '../../dataflow/run.ts'
import type { ModelSwitch } from './swap.ts'

/** Consumer group under which positions are committed for lag tools; no job resumes from them. */
export const scoreGroup = 'score'
const everyMs = 1000
const rateWindowMs = 5000

export interface ReportOptions {
  readonly config: Config
  readonly eventLog: EventLog
  readonly flows: readonly { readonly topic: TopicInfo; readonly run: Run<Offset> }[]
  readonly models: Pick<ModelSwitch, 'scorer'>
  /** The last swap that was tried. */
  readonly lastSwap: () => JobStatus['swap']
  readonly challengers: () => Readonly<NonNullable<JobStatus['challengers']>>
  readonly counts: Readonly<Record<'scored' | 'dead', number>>
  readonly clock: Clock
  readonly log: Log
}

type LastWord = 'stopped' | 'ended' | 'halted'

/** Once a second: the status file, and the positions for lag tools. A failure to report is logged and stops no job. */
export function reportStatus(options: ReportOptions): { stop(lastWord: LastWord, reason?: string): Promise<void> } {
  const { config, eventLog, flows, models, lastSwap, challengers, counts, clock, log } = options
  const startedAt = clock.now()
  const ending = new AbortController()
  const committed = new Map<string, Offset>()
  const history = [{ atMs: startedAt, ...counts }]

  async function report(lastWord?: Pick<JobStatus, 'state' | 'reason'>): Promise<void> {
    const partitions = (await Promise.all(flows.map(describe))).flat()
    const now = clock.now()
    history.push({ atMs: now, ...counts })
    while (history.length > 2 && now - (history[0]?.atMs ?? now) > rateWindowMs) history.shift()
    const oldest = history[0] ?? { atMs: startedAt, scored: 0, dead: 0 }
    const seconds = Math.max(now - oldest.atMs, 1) / 1000
    const { scorer } = models
    const swap = lastSwap()
    const running = challengers()
    const status: JobStatus = {
      job: 'score',
      ...(config.replica !== undefined && { replica: config.replica }),
      pid: process.pid,
      startedAt,
      updatedAt: now,
      ...(lastWord ?? overall(partitions, flows)),
      model: { name: scorer.name, version: scorer.version, labels: [...scorer.labels] },
      ...(swap === undefined ? {} : { swap }),
      ...(running.length === 0 ? {} : { challengers: [...running] }),
      provider: scorer.provider,
      workers: scorer.workers,
      partitions,
      counts: { ...counts },
      rates: { scored: (counts.scored - oldest.scored) / seconds, dead: (counts.dead - oldest.dead) / seconds },
    }
    await writeStatus(config.data, status)
  }

  async function describe({ topic, run }: ReportOptions['flows'][number]): Promise<PartitionStatus[]> {
    const ends = new Map((await eventLog.ranges(topic.name)).map(({ partition, end }) => [partition, end]))
    return Promise.all(
      run.stats().lanes.map(async (lane) => {
        const partition = Number(lane.partition)
        const position = lane.position ?? 0
        if (lane.position !== undefined && committed.get(`${topic.name} ${partition}`) !== position) {
          await eventLog.commit(scoreGroup, topic.name, partition, position)
          committed.set(`${topic.name} ${partition}`, position)
        }
        const lag = Math.max(0, (ends.get(partition) ?? 0) - position)
        return { topic: topic.name, partition, position, lag, ...stateOf(lane) }
      }),
    )
  }

  const loop = (async () => {
    while (!ending.signal.aborted) {
      await report().catch((error: unknown) => log.warn({ err: error }, 'status could not be reported'))
      await clock.sleep(everyMs, ending.signal).catch((error: unknown) => {
        if (!ending.signal.aborted) throw error
      })
    }
  })()

  return {
    async stop(state, reason) {
      ending.abort()
      await loop
      await report({ state, ...(reason === undefined ? {} : { reason }) })
    },
  }
}

const partStates: Readonly<Record<LaneState, PartitionStatus['state']>> = {
  opening: 'waiting',
  running: 'ok',
  retrying: 'waiting',
  ended: 'ok',
  stopped: 'ok',
  cancelled: 'ok',
  halted: 'halted',
}

function stateOf(lane: LaneStats<Offset>): Pick<PartitionStatus, 'state' | 'reason'> {
  const state = partStates[lane.state]
  if (state === 'ok') return { state }
  return { state, reason: lane.error?.message ?? `partition is ${lane.state}` }
}

/** The worst of the partitions; `starting` until each has found where it goes on. */
function overall(
  partitions: readonly PartitionStatus[],
  flows: ReportOptions['flows'],
): Pick<JobStatus, 'state' | 'reason'> {
  const worst =
    partitions.find(({ state }) => state === 'halted') ?? partitions.find(({ state }) => state === 'waiting')
  const assigned = flows.every(({ topic, run }) => run.stats().lanes.length >= topic.partitions)
  if (!assigned) return { state: 'starting' }
  if (worst === undefined) return { state: 'ok' }
  const reason = `${worst.topic} ${worst.partition}: ${worst.reason ?? worst.state}`
  return { state: worst.state, reason }
}
