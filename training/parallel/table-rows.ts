import type { RowTable } from '../backends/row-tables.ts'
import type { Entry } from './layout.ts'
import type { RowGradient, SharedState } from './shared-state.ts'

/** A worker's view of one shared look-up table: its rows as they are, and the gradient of those its texts used. */
export class TableRows implements RowTable {
  readonly width: number
  readonly #entry: Entry
  readonly #state: Pick<SharedState, 'weights' | 'missedDecay'>
  readonly #awake: Uint8Array
  readonly #index: number
  /** By row: its place in the compact gradient, or −1. */
  readonly #places: Int32Array
  #used: number[] = []
  #gradient = new Float32Array(0)
  /** Rows were read whose gradient has not come back. */
  #awaiting = false

  constructor(entry: Entry, state: SharedState, index: number) {
    const [rows = 0, width = 0] = entry.dims
    const awake = state.awake[index]
    if (awake === undefined) throw new Error(`no table ${index}`)
    this.width = width
    this.#entry = entry
    this.#state = state
    this.#awake = awake
    this.#index = index
    this.#places = new Int32Array(rows).fill(-1)
  }

  read(ids: Int32Array, into: Float32Array): void {
    const { weights, missedDecay } = this.#state
    const missed = missedDecay[this.#index] ?? 1
    this.#awaiting = true
    for (const [position, id] of ids.entries()) {
      const start = this.#entry.offset + id * this.width
      const row = weights.subarray(start, start + this.width)
      into.set(missed === 1 || this.#awake[id] === 1 ? row : row.map((value) => value * missed), position * this.width)
    }
  }

  addGradient(ids: Int32Array, gradient: Float32Array): void {
    this.#awaiting = false
    for (const [position, id] of ids.entries()) {
      const target = this.#placeOf(id) * this.width
      const source = position * this.width
      const sums = this.#gradient
      for (let column = 0; column < this.width; column++) {
        sums[target + column] = (sums[target + column] as number) + (gradient[source + column] as number)
      }
    }
  }

  #placeOf(row: number): number {
    const known = this.#places[row]
    if (known === undefined) throw new Error(`row ${row} is outside ${this.#entry.name}`)
    if (known >= 0) return known
    const place = this.#used.length
    this.#used.push(row)
    this.#places[row] = place
    if ((place + 1) * this.width > this.#gradient.length) {
      const larger = new Float32Array(Math.max(256 * this.width, this.#gradient.length * 2))
      larger.set(this.#gradient)
      this.#gradient = larger
    }
    return place
  }

  /** Rows were read for their own sake: no gradient will come. */
  settle(): void {
    this.#awaiting = false
  }

  /** Moves what was added into the shared buffer, when it fits, and starts anew. Returns how many rows there are. */
  drainTo(shared: RowGradient): number {
    if (this.#awaiting) throw new Error(`the gradient of ${this.#entry.name} went elsewhere`)
    const used = this.#used
    const length = used.length * this.width
    if (used.length <= shared.rows.length) {
      shared.rows.set(used)
      shared.values.set(this.#gradient.subarray(0, length))
    }
    for (const row of used) this.#places[row] = -1
    this.#gradient.fill(0, 0, length)
    this.#used = []
    return used.length
  }
}
