import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { ClickHouseClient } from '@clickhouse/client'
import { storeFailure } from '../../clickhouse/client.ts'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { type JobStatus, writeStatus } from '../../core/status.ts'
import type { Documents } from '../../models/registry/documents.ts'
import { withLease } from '../../models/registry/lease.ts'
import { type CheckResult, detailsOf } from './check-result.ts'
import { runCheck } from './run-check.ts'
import { schedule } from './schedule.ts'
import type { DriftSettings } from './settings.ts'
import { type Checked, referenceCache } from './window-check.ts'

/** What follows from checks; wired by the command line. */
export interface DriftActions {
  /** After each check that was stored. A failure is logged; the next check comes all the same. */
  onCheck(result: CheckResult, signal: AbortSignal): Promise<void>
  /** About once a second, never twice at a time, beside the checks: work of several steps, such as a retraining, goes on. */
  between(signal: AbortSignal): Promise<void>
}

export interface DriftJobOptions {
  /** The data folder, for the status. */
  readonly data: string
  readonly replica?: string | undefined
  readonly settings: DriftSettings
  readonly documents: Documents
  /** The version to check, asked at each tick. */
  readonly target: () => Promise<Checked>
  /** Made anew for each check: an embedded ClickHouse may come back at another address. Closed after it. */
  readonly connect: () => ClickHouseClient
  readonly actions: DriftActions
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** The clock is looked at this often. */
const everyMs = 1000
const lockKey = 'drift-lock'
const lockMs = 30_000

/**
 * The drift job: a check whenever the schedule says so, until the signal is aborted.
 *
 * It holds no timer for the next check. Once a second it asks which due time is the newest at or before now, and a check is
 * called after its due time: so a time that passed while the process was down or the machine asleep is caught up, once,
 * however many were missed; a clock that is set back finds its checks stored already and goes on when new ones are due; and
 * of several processes that see the same due time, one takes the lease and the others find the check stored.
 */
export async function runDriftJob(options: DriftJobOptions): Promise<void> {
  const { settings, actions, clock, log, signal } = options
  const due = schedule(settings.schedule)
  const status = startStatus(options)
  const references = referenceCache()
  const holder = `${hostname()}/${process.pid}/${randomUUID()}`
  let tried: number | undefined

  async function tick(at: number): Promise<void> {
    const model = await options.target()
    status.model = model
    const checked = await withLease(
      options.documents,
      model.name,
      lockKey,
      { holder, ttlMs: lockMs, clock, signal },
      async (held) => {
        const client = options.connect()
        try {
          const { documents } = options
          return await runCheck({
            client,
            documents,
            model,
            settings,
            clock,
            references,
            signal: held,
            tick: new Date(at).toISOString(),
          }).then((result) => ({ result }))
        } finally {
          await client.close()
        }
      },
    )
    if (checked === undefined) {
      log.debug('another process checks')
      return
    }
    status.failure = undefined
    const { result } = checked
    if (result === undefined) return // stored before
    status.count(result)
    const [level, message] = result.verdict === 'drift' ? (['warn', 'drift'] as const) : (['info', 'checked'] as const)
    log[level]({ check: result.checkId, verdict: result.verdict, found: detailsOf(result)?.headline }, message)
    await actions.onCheck(result, signal).catch((error: unknown) => {
      if (signal.aborted) return
      log.error({ err: error, check: result.checkId }, 'what follows from a check failed')
    })
  }

  const beside = (async () => {
    while (!signal.aborted) {
      await actions.between(signal).catch((error: unknown) => {
        if (!signal.aborted) log.error({ err: error }, 'work between checks failed')
      })
      await pause(clock, signal)
    }
  })()
  try {
    while (!signal.aborted) {
      const at = due.atOrBefore(clock.now())
      if (at !== undefined && at !== tried) {
        tried = at
        try {
          await tick(at)
        } catch (thrown) {
          if (signal.aborted) break
          const error = storeFailure(thrown)
          if (!(error instanceof DriftlineError)) throw error
          status.failure = messageOf(error)
          // What passes by itself is tried again within a second, the same check under the same name.
          if (error.retryable) tried = undefined
          log.warn({ err: error }, 'a check failed')
        }
      }
      await status.write()
      await pause(clock, signal)
    }
  } finally {
    await beside
    await status.end()
  }
}

const pause = (clock: Clock, signal: AbortSignal): Promise<void> =>
  clock.sleep(everyMs, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })

function startStatus({ data, replica, clock, log }: DriftJobOptions) {
  const startedAt = clock.now()
  const counts = { checks: 0, warnings: 0, alarms: 0 }
  let headline: string | undefined
  const status = {
    model: undefined as Checked | undefined,
    /** Why the last check could not be made. */
    failure: undefined as string | undefined,
    count(result: CheckResult) {
      counts.checks++
      if (result.verdict === 'warning') counts.warnings++
      if (result.verdict === 'drift') counts.alarms++
      headline = detailsOf(result)?.headline
    },
    async write(lastWord?: 'stopped') {
      const { model, failure } = status
      const reason = failure ?? headline
      const told: JobStatus = {
        job: 'drift',
        ...(replica === undefined ? {} : { replica }),
        pid: process.pid,
        startedAt,
        updatedAt: clock.now(),
        state: lastWord ?? (failure === undefined ? 'ok' : 'waiting'),
        ...(reason === undefined ? {} : { reason }),
        ...(model === undefined
          ? {}
          : { model: { name: model.name, version: model.version, labels: [...model.classes] } }),
        partitions: [],
        counts: { ...counts },
        rates: {},
      }
      await writeStatus(data, told).catch((error: unknown) => log.warn({ err: error }, 'no status written'))
    },
    end: () => status.write('stopped'),
  }
  return status
}
