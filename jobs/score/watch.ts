import type { Guard } from '../../models/registry/traffic.ts'
import { type Broken, ChallengerGuard, type Observed } from './guard.ts'

/** Posts of a challenger since it was started in this process. */
export interface ChallengerCounts {
  scored: number
  /** The champion stood in for it, or there is no shadow row. */
  failed: number
  /** For a shadow only: it was busy, or its rows could not be written. */
  skipped: number
}

/** What is known of a running challenger; it outlives changes of its share. */
export class Watch {
  readonly counts: ChallengerCounts = { scored: 0, failed: 0, skipped: 0 }
  readonly #guard: ChallengerGuard
  readonly #onBroken: (broken: Broken) => void
  #over = false

  /** @param onBroken told once, of the first bound that is broken */
  constructor(guard: Guard, labels: readonly string[], onBroken: (broken: Broken) => void) {
    this.#guard = new ChallengerGuard(guard, labels)
    this.#onBroken = onBroken
  }

  observe(observed: Observed): void {
    const failed = observed.failures.filter(Boolean).length
    this.counts.failed += failed
    this.counts.scored += observed.failures.length - failed
    if (this.#over) return
    const broken = this.#guard.observe(observed)
    if (broken === undefined) return
    this.#over = true
    this.#onBroken(broken)
  }
}
