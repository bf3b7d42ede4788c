import type { DeliveryOutcome } from '../../clickhouse/rows/alerts.ts'
import { type JobStatus, writeStatus } from '../../core/status.ts'
import type { Alert } from './alert.ts'
import type { AlertsJobOptions } from './main.ts'
import type { Round } from './watch.ts'

/** What the job says of itself in its status file. */
export interface AlertsStatus {
  /** After each look at the rules. */
  round(round: Round): void
  delivery(outcome: DeliveryOutcome): void
  /** How many notices wait or are being sent. */
  waiting(notices: number): void
  /** Why nothing goes on; `undefined` when it does. */
  failure(reason: string | undefined): void
  /** Another process alerts. */
  standby(): void
  write(): Promise<void>
  end(): Promise<void>
}

export function startStatus(
  options: Pick<AlertsJobOptions, 'data' | 'replica' | 'rules' | 'clock' | 'log'>,
): AlertsStatus {
  const { data, replica, rules, clock, log } = options
  const startedAt = clock.now()
  // Numbers of posts that failed are called `dead` in `/metrics`; these are notices.
  const counts = { looks: 0, fired: 0, resolved: 0, notices_delivered: 0, notices_retried: 0, notices_dead: 0 }
  let alerts: readonly Alert[] | undefined
  let notes: readonly string[] = []
  let failure: string | undefined
  let waiting = 0

  function reason(): string {
    if (failure !== undefined) return failure
    if (rules.length === 0) return 'no rules are configured'
    if (alerts === undefined) return 'stands by: another process alerts, or none has begun'
    const firing = alerts.filter(({ state }) => state === 'firing')
    const said = [
      firing.length === 0 ? 'nothing fires' : `fires: ${[...new Set(firing.map(({ rule }) => rule))].join(', ')}`,
      ...(waiting > 0 ? [`${waiting} notices wait`] : []),
      ...notes,
    ]
    return said.join('; ')
  }

  async function write(lastWord?: 'stopped'): Promise<void> {
    const status: JobStatus = {
      job: 'alerts',
      ...(replica === undefined ? {} : { replica }),
      pid: process.pid,
      startedAt,
      updatedAt: clock.now(),
      state: lastWord ?? (failure === undefined ? 'ok' : 'waiting'),
      reason: reason(),
      ...(alerts !== undefined && {
        alerts: byState(
          rules.map(({ name }) => name),
          alerts,
        ),
      }),
      partitions: [],
      counts: { ...counts },
      rates: {},
    }
    await writeStatus(data, status).catch((error: unknown) => log.warn({ err: error }, 'no status written'))
  }

  return {
    round(round) {
      alerts = round.alerts
      notes = round.rules.flatMap(({ rule, note }) => (note === '' ? [] : [`${rule}: ${note}`]))
      counts.looks++
      counts.fired += round.rows.filter((row) => row.event === 'firing' && row.at === row.fired_at).length
      counts.resolved += round.rows.filter((row) => row.event === 'resolved').length
    },
    delivery(outcome) {
      counts[`notices_${outcome === 'retry' ? 'retried' : outcome}`]++
    },
    waiting(notices) {
      waiting = notices
    },
    failure(why) {
      failure = why
    },
    standby() {
      alerts = undefined
      failure = undefined
    },
    write: () => write(),
    end: () => write('stopped'),
  }
}

/** Every rule in both states, 0 included: a number that appears only when it is not zero cannot be watched. */
const byState = (rules: readonly string[], alerts: readonly Alert[]): NonNullable<JobStatus['alerts']> =>
  rules.flatMap((rule) =>
    (['pending', 'firing'] as const).map((state) => ({
      rule,
      state,
      alerts: alerts.filter((alert) => alert.rule === rule && alert.state === state).length,
    })),
  )
