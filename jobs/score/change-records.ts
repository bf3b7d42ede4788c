import type { SwapRow } from '../../clickhouse/rows/scores.ts'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Lane, Turn } from './lane.ts'
import { type Route, type Told, tellChampion, tellRoute } from './route.ts'

export interface ChangeRecordsOptions {
  /** Makes rows durable, all of them or none. */
  readonly record: (rows: readonly SwapRow[]) => Promise<void>
  readonly clock: Clock
  readonly log: Log
  /** A clock in microseconds, from anywhere. */
  readonly nowUs: () => number
  /** Ends the gathering of what is told afterwards. */
  readonly signal: AbortSignal
}

/** What a record of a change is taken to need before one was measured, in microseconds. */
const firstRecordUs = 50_000
/** Rows that tell of a hand-over gather for so long, in milliseconds. */
const gatherMs = 100

/** Writes down who scores what: the rows of `swaps`. */
export class ChangeRecords {
  readonly #options: ChangeRecordsOptions
  #lastRowMs = 0
  #recordUs = firstRecordUs
  /** Hand-overs that are not told yet. */
  #handOvers: SwapRow[] = []

  constructor(options: ChangeRecordsOptions) {
    this.#options = options
  }

  /** What a record takes of late, in microseconds. */
  get recordUs(): number {
    return this.#recordUs
  }

  async record(rows: readonly SwapRow[]): Promise<void> {
    const startedUs = this.#options.nowUs()
    await this.#options.record(rows)
    this.#recordUs += 0.3 * (this.#options.nowUs() - startedUs - this.#recordUs)
  }

  /** Changes of a partition, as rows. */
  rowsOf(lane: Lane, { route, from }: Omit<Turn, 'recorded'>, told: readonly Told[], pauseUs: number): SwapRow[] {
    const { topic, partition } = lane
    const where = { topic: topic.name, topic_id: topic.id, partition, first_offset: from, pause_us: pauseUs }
    return told.map((change) => ({ ...change, ...where, ...this.#common(route) }))
  }

  /** The record of a swap was made ahead; what the hand-over was like is told after it, and nobody waits for that. */
  tellHandOver(lane: Lane, turn: Turn, pauseUs: number): void {
    const told = { ...tellChampion(turn.route.champion), outcome: 'took_over' }
    this.#handOvers.push(...this.rowsOf(lane, turn, [told], pauseUs))
    if (this.#handOvers.length > 1) return
    void this.#options.clock
      .sleep(gatherMs, this.#options.signal)
      .catch(() => undefined)
      .then(() => this.#options.record(this.#handOvers.splice(0)))
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'a hand-over could not be recorded'))
  }

  /** Of a version that scores nowhere. */
  async tellRefusal(told: Told, route: Route): Promise<void> {
    const nowhere = { topic: '', topic_id: '', partition: 0, first_offset: 0, pause_us: 0 }
    await this.#options.record([{ ...told, ...nowhere, ...this.#common(route) }])
  }

  /** The columns that all rows fill alike. Each row is later than the one before, so that they have an order. */
  #common(route: Route) {
    this.#lastRowMs = Math.max(this.#options.clock.now(), this.#lastRowMs + 1)
    return { swapped_at: this.#lastRowMs, model_name: route.champion.live.scorer.name, ...tellRoute(route) }
  }
}
