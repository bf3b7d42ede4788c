/** At most `width` holders at a time; the others wait in turn, at most `waiting` of them. */
export class Lane {
  readonly #width: number
  readonly #waiting: number
  #held = 0
  readonly #queue: (() => void)[] = []

  constructor(width: number, waiting: number) {
    this.#width = width
    this.#waiting = waiting
  }

  get full(): boolean {
    return this.#held >= this.#width && this.#queue.length >= this.#waiting
  }

  /** Resolves with the function that gives the place back. @throws the signal's reason when aborted while waiting */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#held < this.#width) this.#held += 1
    else await this.#wait(signal)
    let left = false
    return () => {
      if (left) return
      left = true
      const next = this.#queue.shift()
      if (next === undefined) this.#held -= 1
      else next()
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener('abort', stop)
        resolve()
      }
      const stop = () => {
        this.#queue.splice(this.#queue.indexOf(go), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', stop, { once: true })
      this.#queue.push(go)
    })
  }
}
