import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { type JobStatus, writeStatus } from '../../core/status.ts'
import type { Run } from '../../dataflow/run.ts'
import type { Tally } from './tally.ts'

const everyMs = 1000
/** Rates are those of the last so many reports. */
const rateReports = 5

export interface StatusOptions {
  readonly data: string
  /** See `Config`. */
  readonly replica: string | undefined
  readonly tally: Tally
  readonly clock: Clock
  readonly log: Log
  /** The flow that runs now. */
  readonly current: () => Run<number> | undefined
}

/** Writes `<data>/status/ingest.json` about once a second until `signal` is aborted. A status that fails stops nothing. */
export async function reportStatus(options: StatusOptions, signal: AbortSignal): Promise<void> {
  const { clock } = options
  const reports: { readonly atMs: number; readonly read: number }[] = []
  while (!signal.aborted) {
    const nowMs = clock.now()
    reports.push({ atMs: nowMs, read: options.tally.read })
    if (reports.length > rateReports + 1) reports.shift()
    await write(options, nowMs, rateOf(reports), stateOf(options.current()))
    await clock.sleep(everyMs, signal).catch(() => signal.aborted)
  }
}

/** The last words of a run. */
export async function reportEnd(
  options: StatusOptions,
  state: 'ended' | 'stopped' | 'halted',
  reason?: string,
): Promise<void> {
  await write(options, options.clock.now(), 0, { state, ...(reason !== undefined && { reason }) })
}

async function write(
  { data, replica, tally, log }: StatusOptions,
  updatedAt: number,
  read: number,
  state: Pick<JobStatus, 'state' | 'reason'>,
): Promise<void> {
  const { startedMs: startedAt } = tally
  const counts = { read: tally.read, accepted: tally.accepted, dead: tally.dead }
  const status = {
    job: 'ingest',
    ...(replica !== undefined && { replica }),
    pid: process.pid,
    startedAt,
    updatedAt,
    partitions: [],
    counts,
    rates: { read },
    ...state,
  }
  await writeStatus(data, status).catch((error) => log.warn({ err: error }, `no status written: ${messageOf(error)}`))
}

function rateOf(reports: readonly { readonly atMs: number; readonly read: number }[]): number {
  const [first, last] = [reports[0], reports.at(-1)]
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0
  return ((last.read - first.read) * 1000) / (last.atMs - first.atMs)
}

function stateOf(run: Run<number> | undefined): Pick<JobStatus, 'state' | 'reason'> {
  const lane = run?.stats().lanes[0]
  if (lane === undefined) return { state: 'starting' }
  const reason = lane.error?.message
  if (lane.state === 'halted') return { state: 'halted', ...(reason !== undefined && { reason }) }
  if (lane.state === 'retrying') return { state: 'waiting', ...(reason !== undefined && { reason }) }
  return { state: 'ok' }
}
