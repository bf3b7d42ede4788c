import type { ScoreRow } from '../../clickhouse/rows/scores.ts'
import type { LoggedRow } from '../../connectors/clickhouse.ts'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
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

/** Posts of a batch for a shadow, until its rows of them are on their way to the store, or not wanted any more. */
interface Offered {
  readonly contender: Contender
  /** The version beside which it scores them. */
  readonly champion: number
  /** The champion's rows of them. */
  readonly posts: readonly ScoreRow[]
  readonly lastOffset: number
  /** Its own, once it has scored them. */
  rows: readonly ScoreRow[] | undefined
}

interface Lane {
  /** Rows below it are durable. */
  position: number
  readonly offered: Set<Offered>
}

/**
 * Lets shadows score posts after the champion has, on a way of its own: nothing here is waited for by the champion's. A
 * shadow that is slow or fails costs its own rows, which are counted, and nothing else.
 *
 * A shadow row is written once the champion's row of its post is durable. So a batch that is scored again after a failure, here
 * or by another process, leaves no shadow rows of its first time, and none has an offset without a row. A crash loses those
 * that were on their way.
 */
export class Shadows implements AsyncDisposable {
  readonly #options: ShadowsOptions
  readonly #lanes = new Map<number, Lane>()
  readonly #held = new WeakMap<Contender['watch'], number>()
  /** Of each shadow, the batches that it is at, one after another. */
  readonly #working = new WeakMap<Contender['watch'], Promise<void>>()
  /** Rows beside which the champion's are durable. */
  #ready: { readonly contender: Contender; readonly rows: readonly ScoreRow[] }[] = []
  #inserting: Promise<void> | undefined
  readonly #closing = new AbortController()
  #toldSkippedMs = 0

  constructor(options: ShadowsOptions) {
    this.#options = options
  }

  /** Rows of a batch that is scored, in any order of batches; returns at once. */
  offer(
    { scorer, contenders }: Pick<Lease, 'scorer' | 'contenders'>,
    partition: number,
    batch: readonly LoggedRow[],
  ): void {
    const lane = this.#lane(partition)
    for (const contender of contenders) {
      if (contender.mode !== 'shadow' || contender.slots.length === 0) continue
      const posts = batch.flatMap(({ table, row }) =>
        table === 'scores' && holds(contender.slots, slotOf(row.post_id)) ? [row] : [],
      )
      const lastOffset = posts.at(-1)?.offset
      if (lastOffset === undefined) continue
      const { watch } = contender
      const held = this.#held.get(watch) ?? 0
      if (held + posts.length > mostHeld) {
        this.#skip(contender, posts.length, 'it is slower than the champion')
        continue
      }
      this.#held.set(watch, held + posts.length)
      const offered: Offered = { contender, champion: scorer.version, posts, lastOffset, rows: undefined }
      lane.offered.add(offered)
      const before = this.#working.get(watch) ?? Promise.resolve()
      this.#working.set(
        watch,
        before.then(() => this.#score(lane, offered)),
      )
    }
  }

  /** Rows of this partition are durable up to, and without, this offset. */
  written(partition: number, position: number): void {
    const lane = this.#lane(partition)
    lane.position = position
    for (const offered of lane.offered) this.#insertIfDurable(lane, offered)
  }

  /** The partition is closed, and none of its batches is being scored: what is not durable is scored again, here or elsewhere. */
  forget(partition: number): void {
    const lane = this.#lane(partition)
    this.#lanes.delete(partition)
    for (const offered of lane.offered) {
      if (offered.lastOffset < lane.position) continue
      lane.offered.delete(offered)
      this.#let(offered.contender, offered.rows?.length ?? 0) // while it is scored, all of it is let go after that
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    if (this.#inserting === undefined) return
    const inserted = new AbortController()
    void this.#inserting.finally(() => inserted.abort())
    await this.#options.clock.sleep(lastInsertMs, inserted.signal).catch(() => undefined)
  }

  async #score(lane: Lane, offered: Offered): Promise<void> {
    const { contender, champion, posts } = offered
    if (this.#closing.signal.aborted) lane.offered.delete(offered)
    if (!lane.offered.has(offered)) return this.#let(contender, posts.length)
    const { scorer } = contender.live
    const results = await scorer.score(posts.map(({ text }) => text)).catch((error: unknown) => {
      const failure = new DriftlineError('INFERENCE_FAILED', { reason: messageOf(error) }, { cause: error })
      return posts.map(() => failure)
    })
    const scoredAt = this.#options.clock.now()
    const pairs: [string, string][] = []
    const rows = posts.flatMap((row, at): ScoreRow[] => {
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
    if (rows.length === 0) lane.offered.delete(offered)
    const isWanted = lane.offered.has(offered)
    this.#let(contender, posts.length - (isWanted ? rows.length : 0))
    if (!isWanted) return
    offered.rows = rows
    this.#insertIfDurable(lane, offered)
  }

  #insertIfDurable(lane: Lane, offered: Offered): void {
    const { contender, rows, lastOffset } = offered
    if (rows === undefined || lastOffset >= lane.position) return
    lane.offered.delete(offered)
    this.#ready.push({ contender, rows })
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
    const known = this.#lanes.get(partition) ?? { position: 0, offered: new Set<Offered>() }
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
