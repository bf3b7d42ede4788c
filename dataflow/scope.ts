import { Queue } from './queue.ts'

/** The tasks and queues of one attempt to run a lane: they end together, and the first failure ends them all. */
export class Scope {
  readonly #abort = new AbortController()
  readonly #queues: { fail(reason: unknown): void }[] = []
  readonly #tasks = new Set<Promise<void>>()

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  queue<Item>(capacity: number, weigh?: (item: Item) => number): Queue<Item> {
    const queue = new Queue<Item>(capacity, weigh)
    this.#queues.push(queue)
    if (this.signal.aborted) queue.fail(this.signal.reason)
    return queue
  }

  spawn(task: Promise<unknown>): void {
    const over: Promise<void> = task
      .then(
        () => {},
        (error) => this.abort(error),
      )
      .finally(() => this.#tasks.delete(over))
    this.#tasks.add(over)
  }

  abort(reason: unknown): void {
    if (this.signal.aborted) return
    this.#abort.abort(reason)
    for (const queue of this.#queues) queue.fail(reason)
  }

  /** Resolves once every task is over, however it ended. */
  async join(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks)
  }
}
