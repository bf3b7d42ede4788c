import type { Clock } from '../core/clock.ts'
import { alarm, Bell } from './bell.ts'
import type { Ending } from './chunk.ts'

/**
 * A bounded queue between two tasks of a lane: one pushes, one takes. The end travels behind the last item, so what came
 * before a failure is still worked off; `fail` lets go of everything at once.
 */
export class Queue<Item> {
  readonly #capacity: number
  readonly #weigh: (item: Item) => number
  readonly #items: Item[] = []
  readonly #filled = new Bell()
  readonly #emptied = new Bell()
  #weight = 0
  #ending: Ending | undefined
  #failure: { readonly reason: unknown } | undefined

  /** @param capacity total weight that it holds; a single item may be heavier */
  constructor(capacity: number, weigh: (item: Item) => number = () => 1) {
    this.#capacity = capacity
    this.#weigh = weigh
  }

  get length(): number {
    return this.#items.length
  }

  /** The next item to take; there is one once `ready` said so. */
  get first(): Item {
    const [first] = this.#items
    if (first === undefined) throw new Error('the queue is empty')
    return first
  }

  /** How it ended; known once `ready` said so. */
  get ending(): Ending {
    if (this.#ending === undefined) throw new Error('the queue has not ended')
    return this.#ending
  }

  /** Waits until something of this weight fits. */
  async room(weight = 1): Promise<void> {
    while (this.#failure === undefined && this.#items.length > 0 && this.#weight + weight > this.#capacity) {
      await this.#emptied.wait()
    }
    if (this.#failure !== undefined) throw this.#failure.reason
  }

  async push(item: Item): Promise<void> {
    const weight = this.#weigh(item)
    await this.room(weight)
    this.#items.push(item)
    this.#weight += weight
    this.#filled.ring()
  }

  /** Only the first ending counts. */
  end(ending: Ending): void {
    this.#ending ??= ending
    this.#filled.ring()
  }

  /** Both sides' waits reject with `reason`, now and later. */
  fail(reason: unknown): void {
    this.#failure ??= { reason }
    this.#filled.ring()
    this.#emptied.ring()
  }

  /** Waits for an item or the end, and no longer than until `wakeAtMs`: then `time`, for very long waits too early. */
  async ready(clock?: Clock, wakeAtMs = Number.POSITIVE_INFINITY): Promise<'item' | 'end' | 'time'> {
    let late = false
    let silence: (() => void) | undefined
    if (clock !== undefined && wakeAtMs < Number.POSITIVE_INFINITY && this.#waiting) {
      silence = alarm(clock, wakeAtMs - clock.now(), () => {
        late = true
        this.#filled.ring()
      })
    }
    while (this.#waiting && !late) await this.#filled.wait()
    silence?.()
    if (this.#failure !== undefined) throw this.#failure.reason
    if (this.#items.length > 0) return 'item'
    return this.#ending === undefined ? 'time' : 'end'
  }

  shift(): Item {
    const item = this.first
    this.#items.shift()
    this.#weight -= this.#weigh(item)
    this.#emptied.ring()
    return item
  }

  get #waiting(): boolean {
    return this.#failure === undefined && this.#items.length === 0 && this.#ending === undefined
  }
}
