import type { DeliveryOutcome, DeliveryRow } from '../../clickhouse/rows/alerts.ts'
import type { AlertWebhook } from '../../core/alert-settings.ts'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Random } from '../../core/random.ts'
import { backOffMs, post } from './deliver.ts'
import type { QueuedNotice } from './notice.ts'

/** A notice for one webhook. */
export interface Outgoing {
  readonly webhook: string
  readonly notice: QueuedNotice
  /** Attempts made, and when the next one is due. */
  readonly attempts: number
  readonly dueMs: number
}

export interface OutboxOptions {
  readonly webhooks: readonly AlertWebhook[]
  /** Writes what became of attempts; a failure is thrown, and the same rows come again. */
  readonly record: (rows: readonly DeliveryRow[]) => Promise<void>
  /** After each attempt that was recorded. */
  readonly onRecorded: (outcome: DeliveryOutcome) => void
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
}

/** Requests that a webhook has open at most: it may be small. */
const mostOpen = 4

/**
 * What is on its way to webhooks. Notices of one alert reach a webhook in their order, or a resolved alert could open
 * again; different alerts do not wait for each other. An attempt counts once it is recorded: until then nothing else of
 * its alert is sent, and a process that died in between is followed by one that sends the same notice, under the same id.
 */
export class Outbox {
  readonly #options: OutboxOptions
  /** By webhook and alert, the oldest notice first. */
  readonly #lanes = new Map<string, Outgoing[]>()
  readonly #open = new Map<string, Promise<void>>()
  /** Made, and not recorded yet. */
  readonly #unrecorded = new Map<string, { readonly row: DeliveryRow; readonly next: Outgoing | undefined }>()
  /** What is here, or was at the last `forgetDone`. */
  #known = new Set<string>()

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Takes what it does not know yet: the store may still call a notice unsent that is on its way, or has just left. */
  add(outgoing: readonly Outgoing[]): void {
    for (const one of outgoing) {
      if (this.#known.has(idOf(one))) continue
      this.#known.add(idOf(one))
      const key = `${one.webhook}\n${one.notice.alertId}`
      this.#lanes.set(key, [...(this.#lanes.get(key) ?? []), one])
    }
  }

  /** To be called now and then, and never between a read of unsent notices and their `add`. */
  forgetDone(): void {
    this.#known = new Set([...this.#lanes.values()].flat().map(idOf))
  }

  /** Notices that wait or are being sent. */
  get waiting(): number {
    return [...this.#lanes.values()].reduce((sum, lane) => sum + lane.length, 0)
  }

  /** Starts what is due and records what is done; to be called about once a second. */
  async pump(): Promise<void> {
    await this.#record()
    const now = this.#options.clock.now()
    const openAt = new Map<string, number>()
    for (const key of this.#open.keys()) {
      const webhook = key.split('\n')[0] ?? ''
      openAt.set(webhook, (openAt.get(webhook) ?? 0) + 1)
    }
    for (const [key, [head]] of this.#lanes) {
      if (head === undefined || head.dueMs > now || this.#open.has(key) || this.#unrecorded.has(key)) continue
      const open = openAt.get(head.webhook) ?? 0
      if (open >= mostOpen) continue
      openAt.set(head.webhook, open + 1)
      this.#open.set(
        key,
        this.#attempt(key, head).finally(() => this.#open.delete(key)),
      )
    }
  }

  /** Resolves when no request is open, at the latest when they are aborted. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#open.values())
  }

  async #attempt(key: string, head: Outgoing): Promise<void> {
    const { webhooks, clock, random, log, signal } = this.#options
    const webhook = webhooks.find(({ name }) => name === head.webhook)
    const [at, attempt] = [clock.now(), head.attempts + 1]
    const made =
      webhook === undefined
        ? ({ outcome: 'dead', status: 0, reason: 'the webhook is not configured any more' } as const)
        : await post(webhook, head.notice.id, head.notice.notice, at, signal).catch((error: unknown) => {
            if (signal.aborted) return undefined // whoever comes next sends it again
            throw error
          })
    if (made === undefined) return
    const now = clock.now()
    const wait = made.outcome === 'retry' ? Math.max(made.waitMs ?? 0, backOffMs(attempt, random)) : 0
    const giveUpAt = head.notice.atMs + (webhook?.giveUpHours ?? 0) * 3_600_000
    const given = made.outcome === 'retry' && now + wait > giveUpAt
    const outcome = given ? 'dead' : made.outcome
    const next = outcome === 'retry' ? { ...head, attempts: attempt, dueMs: Math.ceil(now + wait) } : undefined
    const row: DeliveryRow = {
      notice_id: head.notice.id,
      webhook: head.webhook,
      attempt,
      at,
      outcome,
      status: made.status,
      reason: given ? `${made.reason}; given up after ${attempt} attempts` : made.reason,
      took_ms: Math.max(0, Math.round(now - at)),
      next_at: next?.dueMs ?? 0,
    }
    this.#unrecorded.set(key, { row, next })
    const told = { notice: row.notice_id, webhook: row.webhook, attempt, status: row.status, reason: row.reason }
    if (outcome === 'delivered') log.info(told, 'notice delivered')
    else if (outcome === 'retry') log.warn({ ...told, retryInMs: Math.round(wait) }, 'notice not delivered, will retry')
    else log.error(told, 'notice given up')
    await this.#record().catch((error: unknown) => log.warn({ err: error }, 'a delivery is not recorded yet'))
  }

  async #record(): Promise<void> {
    const done = [...this.#unrecorded]
    if (done.length === 0) return
    await this.#options.record(done.map(([, { row }]) => row))
    for (const [key, made] of done) {
      if (this.#unrecorded.get(key) !== made) continue // recorded by another call meanwhile
      const { row, next } = made
      this.#unrecorded.delete(key)
      this.#options.onRecorded(row.outcome)
      const rest = (this.#lanes.get(key) ?? []).slice(1)
      const lane = next === undefined ? rest : [next, ...rest]
      if (lane.length > 0) this.#lanes.set(key, lane)
      else this.#lanes.delete(key)
    }
  }
}

const idOf = ({ notice, webhook }: Outgoing): string => `${webhook}\n${notice.id}`
