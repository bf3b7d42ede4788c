import { type AdamWStep, squaredNorm, updateAdamW } from '../optimiser.ts'
import type { Entry } from './layout.ts'
import type { ShardOptions } from './shard.ts'
import type { SharedState } from './shared-state.ts'

/**
 * AdamW on a look-up table, for the rows that belong to this worker (row mod workers). In exact mode a row sleeps until
 * a batch first uses it: until then its moments are 0 and only decay moves it, so that one number for the whole table
 * stands for it. From then on it is updated at every step, used or not.
 */
export class TableUpdate {
  readonly #entry: Entry
  readonly #index: number
  readonly #options: ShardOptions
  readonly #width: number
  readonly #awake: Uint8Array
  readonly #awakeRows: number[] = []
  /** By row: where its summed gradient begins, or −1. */
  readonly #places: Int32Array
  #used: number[] = []
  #sums = new Float32Array(0)
  readonly #zeros: Float32Array
  #state: SharedState

  constructor(entry: Entry, index: number, options: ShardOptions, state: SharedState) {
    const [rows = 0, width = 0] = entry.dims
    const awake = state.awake[index]
    if (awake === undefined) throw new Error(`no table ${index}`)
    this.#entry = entry
    this.#index = index
    this.#options = options
    this.#width = width
    this.#awake = awake
    this.#places = new Int32Array(rows).fill(-1)
    this.#zeros = new Float32Array(width)
    this.#state = state
  }

  replaceState(state: SharedState): void {
    this.#state = state
  }

  /** Adds up the workers' gradients of my rows and returns the squared norm of the sum. */
  sum(): number {
    this.#clear()
    const { index: me, workers, layout } = this.#options
    for (const [worker, { tables }] of this.#state.gradients.entries()) {
      const shared = tables[this.#index]
      const count = this.#state.rowCounts[worker * layout.tables.length + this.#index] ?? 0
      if (shared === undefined) throw new Error(`no gradient buffer for table ${this.#index}`)
      for (let at = 0; at < count; at++) {
        const row = shared.rows[at] as number
        if (row % workers === me) this.#add(row, shared.values, at * this.#width)
      }
    }
    return squaredNorm(this.#sums, 0, this.#used.length * this.#width)
  }

  #clear(): void {
    for (const row of this.#used) this.#places[row] = -1
    this.#sums.fill(0, 0, this.#used.length * this.#width)
    this.#used = []
  }

  #add(row: number, values: Float32Array, from: number): void {
    let place = this.#places[row] as number
    if (place < 0) {
      place = this.#used.length * this.#width
      this.#places[row] = place
      this.#used.push(row)
      if (place + this.#width > this.#sums.length) {
        const larger = new Float32Array(Math.max(256 * this.#width, this.#sums.length * 2))
        larger.set(this.#sums)
        this.#sums = larger
      }
    }
    const sums = this.#sums
    for (let column = 0; column < this.#width; column++) {
      sums[place + column] = (sums[place + column] as number) + (values[from + column] as number)
    }
  }

  apply(step: AdamWStep): void {
    if (this.#options.optimiser.unusedRows === 'lazy') {
      for (const row of this.#used) this.#updateRow(row, step)
      return
    }
    for (const row of this.#used) this.#wake(row)
    for (const row of this.#awakeRows) this.#updateRow(row, step)
  }

  /** Catches up with the decay that a row missed while it slept. */
  #wake(row: number): void {
    if (this.#awake[row] === 1) return
    this.#awake[row] = 1
    this.#awakeRows.push(row)
    const missed = this.#state.missedDecay[this.#index] ?? 1
    const start = this.#start(row)
    for (let at = start; at < start + this.#width; at++) {
      this.#state.weights[at] = (this.#state.weights[at] as number) * missed
    }
  }

  #updateRow(row: number, step: AdamWStep): void {
    const place = this.#places[row] as number
    const range = {
      start: this.#start(row),
      length: this.#width,
      gradient: place < 0 ? this.#zeros : this.#sums,
      gradientStart: Math.max(place, 0),
      decays: this.#entry.decays,
    }
    updateAdamW(this.#state, range, step)
  }

  #start = (row: number): number => this.#entry.offset + row * this.#width
}
