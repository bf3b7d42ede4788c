import type { ScoreRow } from '../../clickhouse/rows/scores.ts'
import type { LoggedRow } from '../../connectors/clickhouse.ts'
import type { Offset } from '../../connectors/event-log.ts'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Sink } from '../../dataflow/sink.ts'
import { holds, slotOf } from '../../models/registry/slots.ts'
import type { Contender } from './route.ts'
import type { Lease } from './swap.ts'

export interface ShadowsOptions {
  /** Makes shadow rows durable, of any partitions. Called once for each: a failure loses them. */
  readonly insert: (rows: readonly ScoreRow[]) => Promise<void>
  readonly clock: Clock
  readonly log: Log
}

/** Posts that a shadow may have on its way, from their champion's row to their own. More are skipped. */
const mostHeld = 8192
/** Rows gather for so long before they are inserted: shadows are in no hurry, and each insert costs the store. */
const gatherMs = 250
/** How long the last insert may take when the job stops. */
const lastInsertMs = 1000
const tellSkippedEveryMs = 10_000

/** Shadow rows of a batch whose own rows may not be durable yet. */
interface Waiting {
  readonly contender: Contender
  readonly rows: readonly ScoreRow[]
  /** Of the batch's last row in `rows`. */
  readonly lastOffset: number
}

interface Lane {
  /** Rows below it are durable. */
  position: number
  /** After the last row that was offered. */
  next: number
  /** Counts how often the partition began again further back. */
  attempt: number
  waiting: Waiting[]
}

/**
 * Lets shadows score posts after the champion has, on a way of its own: nothing here is waited for by the champion's. A
 * shadow that is slow or fails costs its own rows, which are counted, and nothing else.
 *
 * A shadow row is written once the champion's row of its post is durable. So a batch that is scored again after a failure
 * leaves no shadow rows of its first time, and none has an offset without a row. A crash loses those that were on their way.
 */
export class Shadows implements AsyncDisposable {
  readonly #options: ShadowsOptions
  readonly #lanes = new Map<number, Lane>()
  readonly #held = new WeakMap<Contender['watch'], number>()
  /** Of each shadow, the batches that it is at, one after another. */
  readonly #working = new WeakMap<Contender['watch'], Promise<void>>()
  #ready: Waiting[] = []
  #inserting: Promise<void> | undefined
  readonly #closing = new AbortController()
  #toldSkippedMs = 0

  constructor(options: ShadowsOptions) {
    this.#options = options
  }

  /** Takes note of rows once they are durable. */
  after<Position extends Offset>(sink: Sink<LoggedRow, Position>): Sink<LoggedRow, Position> {
    return {
      ...sink,
      open: async (partition, signal) => {
        const writer = await sink.open(partition, signal)
        return {
          checkpoint: () => writer.checkpoint(),
          write: async (items, checkpoint) => {
            await writer.write(items, checkpoint)
            this.#written(Number(partition), checkpoint.position)
          },
          [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
        }
      },
    }
  }

  /** Rows of a batch that is scored; returns at once. */
  offer(
    { scorer, contenders }: Pick<Lease, 'scorer' | 'contenders'>,
    partition: number,
    batch: readonly LoggedRow[],
  ): void {
    const first = batch[0]?.row.offset
    const last = batch.at(-1)?.row.offset
    if (first === undefined || last === undefined) return
    const lane = this.#lane(partition)
    if (first < lane.next) {
      for (const waiting of lane.waiting) this.#let(waiting.contender, waiting.rows.length)
      lane.waiting = []
      lane.attempt++
    }
    lane.next = last + 1
    for (const contender of contenders) {
      if (contender.mode !== 'shadow' || contender.slots.length === 0) continue
      const rows = batch.flatMap(({ table, row }) =>
        table === 'scores' && holds(contender.slots, slotOf(row.post_id)) ? [row] : [],
      )
      if (rows.length === 0) continue
      const { watch } = contender
      const held = this.#held.get(watch) ?? 0
      if (held + rows.length > mostHeld) {
        this.#skip(contender, rows.length, 'it is slower than the champion')
        continue
      }
      this.#held.set(watch, held + rows.length)
      const before = this.#working.get(watch) ?? Promise.resolve()
      const { attempt } = lane
      this.#working.set(
        watch,
        before.then(() => this.#score(contender, scorer.version, rows, lane, attempt)),
      )
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    if (this.#inserting === undefined) return
    const inserted = new AbortController()
    void this.#inserting.finally(() => inserted.abort())
    await this.#options.clock.sleep(lastInsertMs, inserted.signal).catch(() => undefined)
  }

  async #score(
    contender: Contender,
    champion: number,
    rows: readonly ScoreRow[],
    lane: Lane,
    attempt: number,
  ): Promise<void> {
    if (this.#closing.signal.aborted || lane.attempt !== attempt) return this.#let(contender, rows.length)
    const { scorer } = contender.live
    const results = await scorer.score(rows.map(({ text }) => text)).catch((error: unknown) => {
      const failure = new DriftlineError('INFERENCE_FAILED', { reason: messageOf(error) }, { cause: error })
      return rows.map(() => failure)
    })
    const scoredAt = this.#options.clock.now()
    const pairs: [string, string][] = []
    const shadowRows = rows.flatMap((row, at): ScoreRow[] => {
      const result = results[at]
      if (result === undefined || result instanceof DriftlineError) return []
      if (row.model_version === champion) pairs.push([result.label, row.label])
      return [
        {
          ...row,
          scored_at: scoredAt,
          label: result.label,
          confidence: result.confidence,
          probabilities: result.probabilities,
          margin: result.margin,
          tokens: result.tokens,
          unknown_tokens: result.unknownTokens,
          model_version: scorer.version,
          shadow: 1,
          stood_in_for: 0,
          inference_us: Math.round(result.inferenceUs),
        },
      ]
    })
    const failures = results.map((result) => result instanceof DriftlineError)
    // Shadows have a low priority, so how long they take says more of the machine than of them.
    contender.watch.observe({ failures, pairs, challengerUs: [], championUs: [] })
    this.#let(contender, rows.length - shadowRows.length)
    const lastOffset = shadowRows.at(-1)?.offset
    if (lastOffset === undefined) return
    if (lane.attempt !== attempt) return this.#let(contender, shadowRows.length)
    const waiting = { contender, rows: shadowRows, lastOffset }
    if (lastOffset < lane.position) this.#insertSoon(waiting)
    else lane.waiting.push(waiting)
  }

  #written(partition: number, position: number): void {
    const lane = this.#lane(partition)
    lane.position = position
    const durable = lane.waiting.filter(({ lastOffset }) => lastOffset < position)
    if (durable.length === 0) return
    lane.waiting = lane.waiting.filter(({ lastOffset }) => lastOffset >= position)
    for (const waiting of durable) this.#insertSoon(waiting)
  }

  #insertSoon(waiting: Waiting): void {
    this.#ready.push(waiting)
    this.#inserting ??= this.#insertReady().finally(() => {
      this.#inserting = undefined
    })
  }

  async #insertReady(): Promise<void> {
    const { clock, insert } = this.#options
    while (this.#ready.length > 0) {
      await clock.sleep(gatherMs, this.#closing.signal).catch(() => undefined)
      const ready = this.#ready
      this.#ready = []
      try {
        await insert(ready.flatMap(({ rows }) => rows))
      } catch (error) {
        for (const { contender, rows } of ready) this.#skip(contender, rows.length, messageOf(error))
      }
      for (const { contender, rows } of ready) this.#let(contender, rows.length)
    }
  }

  #lane(partition: number): Lane {
    const known = this.#lanes.get(partition) ?? { position: 0, next: 0, attempt: 0, waiting: [] }
    this.#lanes.set(partition, known)
    return known
  }

  #let({ watch }: Contender, posts: number): void {
    this.#held.set(watch, (this.#held.get(watch) ?? 0) - posts)
  }

  #skip({ live, watch }: Contender, posts: number, reason: string): void {
    watch.counts.skipped += posts
    const now = this.#options.clock.now()
    if (now - this.#toldSkippedMs < tellSkippedEveryMs) return
    this.#toldSkippedMs = now
    const { version } = live.scorer
    this.#options.log.warn({ version, skipped: watch.counts.skipped, reason }, 'a shadow misses posts')
  }
}
