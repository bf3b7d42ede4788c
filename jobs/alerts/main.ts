import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { ClickHouseClient } from '@clickhouse/client'
import { storeFailure } from '../../clickhouse/client.ts'
import type { AlertRow } from '../../clickhouse/rows/alerts.ts'
import type { AlertRule, AlertWebhook } from '../../core/alert-settings.ts'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Random } from '../../core/random.ts'
import type { Documents } from '../../models/registry/documents.ts'
import { withLease } from '../../models/registry/lease.ts'
import type { Alert } from './alert.ts'
import { type Waiting, type World, worldOf } from './look.ts'
import { noticeOf } from './notice.ts'
import { Outbox, type Outgoing } from './outbox.ts'
import { type AlertsStatus, startStatus } from './status.ts'
import { activeAlerts, unsentNotices, writeAlerts, writeDeliveries } from './store.ts'
import { lookAround } from './watch.ts'

export interface AlertsJobOptions {
  /** The data folder, for the status. */
  readonly data: string
  readonly replica?: string | undefined
  readonly rules: readonly AlertRule[]
  /** With their addresses and secrets in the clear. */
  readonly webhooks: readonly AlertWebhook[]
  /** From one look at the rules to the next. */
  readonly everyMs: number
  /** The model whose drift checks count, and under whose name the lease lies. */
  readonly model: string
  readonly documents: Documents
  readonly waiting: () => Promise<Waiting>
  /** Made anew after each failure: an embedded ClickHouse may come back at another address. */
  readonly connect: () => ClickHouseClient
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
}

const tickMs = 1000
const lockKey = 'alerts-lock'
const lockMs = 30_000
/** How often a process that stands by asks whether the one that alerts is gone. */
const standbyMs = 5000

/**
 * The alerts job: looks at the rules, keeps what became of alerts, and tells webhooks, until the signal is aborted. Of several
 * processes one holds the lease and does it; the others stand by. Whoever takes over reads from ClickHouse which alerts are
 * active and which notices nobody has accepted, and goes on from there.
 */
export async function runAlertsJob(options: AlertsJobOptions): Promise<void> {
  const { clock, log, signal } = options
  const status = startStatus(options)
  const holder = `${hostname()}/${process.pid}/${randomUUID()}`
  const told = (async () => {
    while (!signal.aborted) {
      await status.write()
      await pause(clock, tickMs, signal)
    }
  })()
  try {
    while (!signal.aborted) {
      const lease = { holder, ttlMs: lockMs, clock, signal }
      try {
        const led = await withLease(options.documents, options.model, lockKey, lease, async (held) => {
          await lead(options, status, held)
          return true
        })
        if (led === undefined) status.standby()
      } catch (thrown) {
        if (signal.aborted) break
        const error = storeFailure(thrown)
        if (!(error instanceof DriftlineError)) throw error
        status.failure(messageOf(error))
        log.warn({ err: error }, 'alerts wait')
      }
      await pause(clock, standbyMs, signal)
    }
  } finally {
    await told
    await status.end()
  }
}

/** Alerts for as long as the lease is held. */
async function lead(options: AlertsJobOptions, status: AlertsStatus, signal: AbortSignal): Promise<void> {
  const { rules, webhooks, clock, random, log } = options
  const store = reconnecting(options.connect)
  const record = (rows: Parameters<typeof writeDeliveries>[1]) => store.use((client) => writeDeliveries(client, rows))
  const outbox = new Outbox({ webhooks, record, onRecorded: status.delivery, clock, random, log, signal })
  /** `undefined` while it is not known what is stored. */
  let alerts: readonly Alert[] | undefined
  const judged: World['judged'] = new Map()

  async function round(now: number): Promise<void> {
    if (alerts === undefined) {
      outbox.add(await store.use((client) => unsentNotices(client, signal)))
      alerts = await store.use((client) => activeAlerts(client, signal))
    } else outbox.forgetDone()
    const before = alerts
    const names = webhooks.map(({ name }) => name)
    const { model, waiting } = options
    const result = await store.use((client) =>
      lookAround(rules, before, names, worldOf(client, { model, waiting, judged, signal }), now, log),
    )
    // Should the answer be lost, the rows may be there or not: what is stored is read anew.
    alerts = undefined
    await store.use((client) => writeAlerts(client, result.rows, signal))
    alerts = result.alerts
    outbox.add(result.rows.flatMap(outgoingOf))
    for (const row of result.rows) tell(row, log)
    status.round(result)
  }

  /** @throws what does not pass by itself */
  async function passing(act: () => Promise<void>): Promise<'done' | 'failed'> {
    try {
      await act()
      return 'done'
    } catch (thrown) {
      if (signal.aborted) return 'failed'
      const error = storeFailure(thrown)
      if (!(error instanceof DriftlineError) || !error.retryable) throw error
      status.failure(messageOf(error))
      log.warn({ err: error }, 'alerts wait')
      return 'failed'
    }
  }

  let next = clock.now()
  try {
    while (!signal.aborted) {
      const now = clock.now()
      const looked = now >= next || next - now > options.everyMs ? await passing(() => round(now)) : undefined
      // What passes by itself is tried again within a second.
      if (looked === 'done') next = now + options.everyMs
      const sent = await passing(() => outbox.pump()) // what was queued before is sent, whether or not the store is there
      if (looked !== 'failed' && sent === 'done') status.failure(undefined)
      status.waiting(outbox.waiting)
      await pause(clock, tickMs, signal)
    }
  } finally {
    await outbox.settled()
    await store.close()
  }
}

const outgoingOf = (row: AlertRow): Outgoing[] =>
  row.webhooks.map((webhook) => ({ webhook, notice: noticeOf(row), attempts: 0, dueMs: row.at }))

function tell(row: AlertRow, log: Log): void {
  const fields = { rule: row.rule, group: row.group_name, severity: row.severity, summary: row.summary }
  if (row.event === 'firing') log.warn(fields, 'alert fires')
  else if (row.event === 'resolved') log.info(fields, 'alert resolved')
  else log.debug({ ...fields, event: row.event }, 'alert')
}

/** A client that is made anew after a use failed. */
function reconnecting(connect: () => ClickHouseClient) {
  let client: ClickHouseClient | undefined
  return {
    async use<T>(act: (client: ClickHouseClient) => Promise<T>): Promise<T> {
      client ??= connect()
      const used = client
      try {
        return await act(used)
      } catch (error) {
        if (client === used) client = undefined
        await used.close()
        throw error
      }
    },
    close: async () => client?.close(),
  }
}

const pause = (clock: Clock, ms: number, signal: AbortSignal): Promise<void> =>
  clock.sleep(ms, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
