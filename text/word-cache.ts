/**
 * A bounded map that forgets what was not used lately: two generations, the older of which is dropped when the younger
 * is full. A look-up costs one or two of `Map`'s, where a true LRU would also write on each.
 *
 * @param capacity entries of one generation; at most twice as many are held
 */
export class WordCache<Value extends object> {
  readonly #capacity: number
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(word: string): Value | undefined {
    const young = this.#young.get(word)
    if (young !== undefined) return young
    const old = this.#old.get(word)
    if (old !== undefined) this.set(word, old)
    return old
  }

  set(word: string, value: Value): void {
    if (this.#young.size >= this.#capacity) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(word, value)
  }
}
