import { ClickHouseException } from './exception.ts'

const replaceWaitMs = 5000

/** Which query ids run now: one at a time each, so that a retry cannot overtake what it repeats. */
export class Running {
  readonly #queries = new Map<string, { readonly stop: AbortController; readonly ended: Promise<void> }>()

  /** @throws ClickHouseException 216 while a query with this id runs, unless it may be replaced */
  async enter(id: string, stop: AbortController, replace: boolean): Promise<() => void> {
    const other = this.#queries.get(id)
    if (other !== undefined && replace) {
      other.stop.abort(cancelled())
      await Promise.race([other.ended, new Promise((resolve) => setTimeout(resolve, replaceWaitMs).unref())])
    }
    if (this.#queries.has(id)) {
      throw ClickHouseException.raise(
        'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING',
        `Query with id = ${id} is already running.`,
      )
    }
    let end = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    this.#queries.set(id, { stop, ended })
    return () => {
      this.#queries.delete(id)
      end()
    }
  }

  stopAll(): void {
    for (const { stop } of this.#queries.values()) stop.abort(cancelled())
  }

  async idle(): Promise<void> {
    await Promise.all([...this.#queries.values()].map(({ ended }) => ended))
  }
}

export const cancelled = () => ClickHouseException.raise('QUERY_WAS_CANCELLED', 'Query was cancelled.')
