import type { Log } from '../../core/log.ts'
import type { Scorer } from '../../inference/scorer.ts'
import type { Live } from './route.ts'

/** Models that are loaded, each until nobody needs it any more. */
export class HeldModels implements AsyncDisposable {
  readonly #log: Log
  /** Whether batches that are still to come may need it; asked of models that have none. */
  readonly #mayNeed: (live: Live) => boolean
  readonly #held = new Set<Live>()
  readonly #leaving = new Set<Promise<void>>()

  constructor(log: Log, mayNeed: (live: Live) => boolean) {
    this.#log = log
    this.#mayNeed = mayNeed
  }

  hold(scorer: Scorer): Live {
    const live = { scorer, batches: 0 }
    this.#held.add(live)
    return live
  }

  /** A batch takes these models. @returns what to call when it is back */
  lease(lives: readonly Live[]): () => void {
    for (const live of lives) live.batches++
    return () => {
      for (const live of lives) {
        live.batches--
        this.#leaveIfDone(live)
      }
    }
  }

  /** Lets go of what nobody needs. */
  sweep(): void {
    for (const live of [...this.#held]) this.#leaveIfDone(live)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const live of this.#held) this.#leave(live)
    await Promise.all(this.#leaving)
  }

  #leaveIfDone(live: Live): void {
    if (live.batches === 0 && !this.#mayNeed(live)) this.#leave(live)
  }

  #leave(live: Live): void {
    if (!this.#held.delete(live)) return
    const leaving = this.#release(live.scorer).finally(() => this.#leaving.delete(leaving))
    this.#leaving.add(leaving)
  }

  async #release(scorer: Scorer): Promise<void> {
    try {
      await scorer[Symbol.asyncDispose]()
      this.#log.debug({ version: scorer.version }, 'model is released')
    } catch (error) {
      this.#log.warn({ err: error, version: scorer.version }, 'model could not be released')
    }
  }
}
