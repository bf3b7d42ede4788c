import type { EventLog, Offset, TopicInfo } from '../../connectors/event-log.ts'
import type { Clock } from '../../core/clock.ts'
import type { Config } from '../../core/config.ts'
import { DriftlineError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { type JobStatus, type PartitionStatus, writeStatus } from '../../core/status.ts'
import type { LaneState, LaneStats } from '../../dataflow/metrics.ts'
import type { Run } from '../../dataflow/run.ts'
import type { ModelSwitch } from './swap.ts'

/** Consumer group under which positions are committed for lag tools; no job resumes from them. */
export const scoreGroup = 'score'
const everyMs = 1000
const rateWindowMs = 5000
/** A log that answers later than this, in milliseconds, holds up no report: its last answer is told instead. */
const lookMs = 1000

export interface ReportOptions {
  readonly config: Config
  readonly eventLog: EventLog
  readonly flows: readonly {
    readonly topic: TopicInfo
    readonly run: Run<Offset>
    /** Whether it is known which partitions are this process's; default: once all of them are. */
    readonly isAssigned?: () => boolean
  }[]
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
  const ends = new Map<string, Offset>()
  /** Why the log could not be looked at. */
  let blind: string | undefined
  let looking: Promise<void> | undefined
  const history = [{ atMs: startedAt, ...counts }]

  async function report(lastWord?: Pick<JobStatus, 'state' | 'reason'>): Promise<void> {
    await lookAtLog()
    const partitions = flows.flatMap(describe)
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
      ...(lastWord ?? overall(partitions, flows, blind)),
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

  /** Where the log ends, and our positions for lag tools. */
  async function lookAtLog(): Promise<void> {
    looking ??= look().finally(() => {
      looking = undefined
    })
    const enough = new AbortController()
    const late = clock.sleep(lookMs, enough.signal).catch((error: unknown) => {
      if (!enough.signal.aborted) throw error
    })
    await Promise.race([looking, late])
    enough.abort()
  }

  async function look(): Promise<void> {
    try {
      for (const { topic, run } of flows) {
        for (const { partition, end } of await eventLog.ranges(topic.name)) ends.set(nameOf(topic, partition), end)
        for (const { partition, position } of run.stats().lanes) {
          const name = nameOf(topic, Number(partition))
          if (position === undefined || committed.get(name) === position) continue
          await eventLog.commit(scoreGroup, topic.name, Number(partition), position)
          committed.set(name, position)
        }
      }
      blind = undefined
    } catch (error) {
      if (!(error instanceof DriftlineError)) throw error
      if (blind === undefined) log.warn({ err: error }, 'the log cannot be looked at; waiting for it')
      blind = error.message
    }
  }

  function describe({ topic, run }: ReportOptions['flows'][number]): PartitionStatus[] {
    return run.stats().lanes.map((lane) => {
      const partition = Number(lane.partition)
      const position = lane.position ?? 0
      const lag = Math.max(0, (ends.get(nameOf(topic, partition)) ?? 0) - position)
      return { topic: topic.name, partition, position, lag, ...stateOf(lane) }
    })
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

const nameOf = (topic: TopicInfo, partition: number): string => `${topic.name} ${partition}`

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
  blind: string | undefined,
): Pick<JobStatus, 'state' | 'reason'> {
  const worst =
    partitions.find(({ state }) => state === 'halted') ?? partitions.find(({ state }) => state === 'waiting')
  const isAssigned = flows.every(
    ({ topic, run, isAssigned }) => isAssigned?.() ?? run.stats().lanes.length >= topic.partitions,
  )
  if (worst?.state !== 'halted' && blind !== undefined) return { state: 'waiting', reason: blind }
  if (!isAssigned) return { state: 'starting' }
  if (worst === undefined) return { state: 'ok' }
  const reason = `${worst.topic} ${worst.partition}: ${worst.reason ?? worst.state}`
  return { state: worst.state, reason }
}
