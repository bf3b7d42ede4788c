import type { SwapRow } from '../../clickhouse/rows.ts'
import type { LogRecord, TopicInfo } from '../../connectors/event-log.ts'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Scorer } from '../../inference/scorer.ts'

/** Why a model came to score. */
export interface Reason {
  /** Who moved the alias, or `''` when nobody did. */
  readonly by: string
  readonly reason: string
  /** The alias that the job follows, or `''` for a model that stays. */
  readonly alias: string
  /** From the first look at the files to warm threads, in milliseconds. */
  readonly loadMs: number
}

/** A model that is ready, and why it is there. */
export interface ReadyModel extends Reason {
  readonly scorer: Scorer
}

/** The model of one batch. */
export interface Lease {
  readonly scorer: Scorer
  /** Settles once `swaps` says from which offset on this model scores; rows must not be written before. */
  readonly recorded: Promise<void>
  /** The batch is scored, or failed. */
  end(): void
}

export interface ModelSwitchOptions {
  readonly first: ReadyModel
  readonly record: (row: SwapRow) => Promise<void>
  readonly clock: Clock
  readonly log: Log
  /** A clock in microseconds, from anywhere. */
  readonly nowUs?: () => number
}

interface Live extends ReadyModel {
  readonly id: string
  readonly from: number
  batches: number
  replaced: boolean
}

/** What is known of a partition: who scores it from where on, and since when nobody has been scoring it. */
interface Lane {
  live: Live | undefined
  offset: number
  recorded: Promise<void>
  batches: number
  idleSinceUs: number
}

/**
 * Holds the model that scores now. A batch leases it for as long as it takes, so that no batch is a mix of two; a swap
 * changes what the next batches get, and lets the old model go once its last batch is back.
 *
 * Each partition's change is recorded before any row of the new model is written: so the last record at or below an
 * offset always names the model of its row, whenever the process is killed. A partition that begins again further back
 * (after a failed write, or a start) is recorded again from there.
 */
export class ModelSwitch implements AsyncDisposable {
  readonly #options: ModelSwitchOptions
  readonly #lanes = new Map<string, Lane>()
  /** Models that are not released: the one that scores, and older ones that still have batches. */
  readonly #held = new Set<Live>()
  readonly #leaving = new Set<Promise<void>>()
  #live: Live
  #swaps = 0
  #lastRowMs = 0

  constructor(options: ModelSwitchOptions) {
    this.#options = options
    this.#live = this.#hold(options.first, 0)
  }

  /** The model of the next batch. */
  get scorer(): Scorer {
    return this.#live.scorer
  }

  begin(topic: TopicInfo, { partition, offset }: Pick<LogRecord, 'partition' | 'offset'>): Lease {
    const live = this.#live
    const key = `${topic.name} ${partition}`
    const lane = this.#lanes.get(key) ?? {
      live: undefined,
      offset: 0,
      recorded: Promise.resolve(),
      batches: 0,
      idleSinceUs: this.#nowUs(),
    }
    this.#lanes.set(key, lane)
    if (lane.live !== live || offset < lane.offset) {
      const isSwap = lane.live !== undefined && lane.live !== live
      const pauseUs = isSwap && lane.batches === 0 ? Math.round(this.#nowUs() - lane.idleSinceUs) : 0
      lane.live = live
      lane.offset = offset
      lane.recorded = this.#options.record({
        ...this.#row(live),
        swap_id: live.id,
        from_version: live.from,
        to_version: live.scorer.version,
        topic: topic.name,
        topic_id: topic.id,
        partition,
        first_offset: offset,
        pause_us: pauseUs,
        outcome: live.from === 0 ? 'started' : 'swapped',
      })
      lane.recorded.catch(() => {
        if (lane.live === live) lane.live = undefined // the next batch records it again
      })
    }
    live.batches++
    lane.batches++
    return {
      scorer: live.scorer,
      recorded: lane.recorded,
      end: () => {
        lane.batches--
        lane.idleSinceUs = this.#nowUs()
        live.batches--
        if (live.replaced && live.batches === 0) this.#leave(live)
      },
    }
  }

  /** From now on, batches get this model. */
  swap(next: ReadyModel): void {
    const old = this.#live
    this.#live = this.#hold(next, old.scorer.version)
    old.replaced = true
    if (old.batches === 0) this.#leave(old)
  }

  /** Writes down a version that could not take over. */
  async refuse(version: number, outcome: string, reason: Reason): Promise<void> {
    await this.#options.record({
      ...this.#row({ ...reason, scorer: this.scorer }),
      swap_id: this.#nextId(),
      from_version: this.scorer.version,
      to_version: version,
      topic: '',
      topic_id: '',
      partition: 0,
      first_offset: 0,
      pause_us: 0,
      outcome,
    })
  }

  /** The columns that all rows fill alike. Each row is later than the one before, so that they have an order. */
  #row({ alias, by, reason, loadMs, scorer }: ReadyModel) {
    this.#lastRowMs = Math.max(this.#options.clock.now(), this.#lastRowMs + 1)
    const swapped_at = this.#lastRowMs
    return { swapped_at, alias, model_name: scorer.name, changed_by: by, reason, load_ms: Math.round(loadMs) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const live of this.#held) this.#leave(live)
    await Promise.all(this.#leaving)
  }

  #hold(model: ReadyModel, from: number): Live {
    const live = { ...model, id: this.#nextId(), from, batches: 0, replaced: false }
    this.#held.add(live)
    return live
  }

  #leave(live: Live): void {
    if (!this.#held.delete(live)) return
    const leaving = this.#release(live.scorer).finally(() => this.#leaving.delete(leaving))
    this.#leaving.add(leaving)
  }

  async #release(scorer: Scorer): Promise<void> {
    const { log } = this.#options
    try {
      await scorer[Symbol.asyncDispose]()
      log.debug({ version: scorer.version }, 'model is released')
    } catch (error) {
      log.warn({ err: error, version: scorer.version }, 'model could not be released')
    }
  }

  #nowUs(): number {
    return this.#options.nowUs?.() ?? performance.now() * 1000
  }

  #nextId(): string {
    return `${process.pid}-${this.#options.clock.now()}-${this.#swaps++}`
  }
}
