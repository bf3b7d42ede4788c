import type { EventLog } from '../../connectors/event-log.ts'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { readStatuses, type StatusFile } from '../../core/status.ts'
import type { LiveData, LogLag, Part, Snapshot } from '../protocol.ts'
import type { LiveFeed } from './feed.ts'
import { readLag } from './lag.ts'
import { LiveReader } from './live-data.ts'
import type { LiveStore, RowPosition } from './live-store.ts'
import { jobParts, modelOf } from './parts.ts'

export interface LiveFeedOptions {
  /** Where the jobs leave their statuses. */
  readonly data: string
  readonly topic: string
  readonly store: LiveStore
  /** Tried again, about once a second, until it succeeds. */
  readonly openLog: () => Promise<EventLog>
  readonly clock: Clock
  readonly log: Log
}

/** A part that failed is asked again after this, in milliseconds. */
const retryMs = 1_000

/** The real feed. It waits for whatever is away and tells so; what it reads it has to give back with `asyncDispose`. */
export function createLiveFeed(options: LiveFeedOptions): LiveFeed & AsyncDisposable {
  const { data, topic, store, openLog, clock, log } = options
  const reader = new LiveReader(store)
  let opened: EventLog | undefined
  let rows: readonly RowPosition[] = []
  const storePart = outside<LiveData>('store', clock, log)
  const logPart = outside<LogLag>('log', clock, log)
  const jobs = (): Promise<readonly StatusFile[]> => readStatuses(data, clock.now())

  const readStore = (files: readonly StatusFile[]): Promise<void> =>
    storePart.read(async (nowMs) => {
      rows = await store.positions(topic)
      return reader.read(nowMs, files.find(({ job }) => job === 'score')?.status?.model?.labels ?? [])
    })

  /** Enough to know that it answers: a probe each few seconds should not read what nobody looks at. */
  const probeStore = (): Promise<void> =>
    storePart.read(async () => {
      await store.totals()
      return storePart.value
    })

  const readLog = (files: readonly StatusFile[]): Promise<void> =>
    logPart.read(async (nowMs) => {
      opened ??= await openLog()
      return readLag(opened, topic, saidByScore(files), rows, nowMs)
    })

  const partsFrom = (files: readonly StatusFile[]): readonly Part[] => [
    storePart.part(''),
    logPart.part(logPart.value?.partitions.length === 0 ? `topic ${topic} is not there yet` : ''),
    ...jobParts(files, clock.now()),
  ]

  return {
    jobs,
    async parts(): Promise<readonly Part[]> {
      const files = await jobs()
      await Promise.all([probeStore(), readLog(files)])
      return partsFrom(files)
    },
    async snapshot(): Promise<Snapshot> {
      const files = await jobs()
      await readStore(files)
      await readLog(files) // after the rows, so that what was scored meanwhile is not told as waiting
      return {
        atMs: clock.now(),
        parts: [...partsFrom(files)],
        model: modelOf(files),
        log: logPart.value ?? null,
        live: storePart.value ?? null,
      }
    },
    async [Symbol.asyncDispose]() {
      await opened?.[Symbol.asyncDispose]()
    },
  }
}

/** What the replicas of the score job say of the partitions that they hold; of one silent, only if no other has it. */
const saidByScore = (files: readonly StatusFile[]) =>
  files
    .filter(({ job }) => job === 'score')
    .sort((a, b) => Number(b.answering) - Number(a.answering))
    .flatMap(({ status }) => status?.partitions ?? [])

/** Something outside that may be away: keeps its last answer and, while it fails, asks it only once a second. */
function outside<Value>(name: string, clock: Clock, log: Log) {
  let value: Value | undefined
  let problem: string | undefined
  let failedAtMs = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined

  const attempt = async (ask: (nowMs: number) => Promise<Value | undefined>): Promise<void> => {
    try {
      value = await ask(clock.now())
      if (problem !== undefined) log.info({ part: name }, 'answers again')
      problem = undefined
    } catch (error) {
      if (problem === undefined) log.warn({ part: name, err: error }, 'does not answer')
      problem = messageOf(error)
      failedAtMs = clock.now()
    }
  }

  return {
    get value(): Value | undefined {
      return value
    },
    part: (detail: string): Part =>
      problem === undefined ? { name, state: 'ok', detail } : { name, state: 'waiting', detail: problem },
    /** Callers who ask at the same time share one answer. */
    async read(ask: (nowMs: number) => Promise<Value | undefined>): Promise<void> {
      if (problem !== undefined && clock.now() - failedAtMs < retryMs) return
      reading ??= attempt(ask).finally(() => {
        reading = undefined
      })
      await reading
    },
  }
}
