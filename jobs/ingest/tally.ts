import type { Clock } from '../../core/clock.ts'
import type { Row } from './rows.ts'

export interface Summary {
  /** `stopped`: on request, and the same command goes on from here. */
  readonly outcome: 'ended' | 'stopped'
  readonly read: number
  readonly accepted: number
  readonly dead: number
  /** Dead rows by kind of reason, most frequent first. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[]
  readonly blankLines: number
  readonly seconds: number
}

const mostKinds = 200

/** What one run read, for the progress line and the summary. */
export class Tally {
  accepted = 0
  dead = 0
  blankLines = 0
  readonly startedMs: number
  /** The input being read. */
  input = ''
  readonly #clock: Clock
  readonly #reasons = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.startedMs = clock.now()
  }

  get read(): number {
    return this.accepted + this.dead
  }

  get seconds(): number {
    return (this.#clock.now() - this.startedMs) / 1000
  }

  count(row: Row): void {
    if (row.kind === 'post') {
      this.accepted++
      return
    }
    this.dead++
    const kind = kindOf(row.reason)
    const counted = this.#reasons.has(kind) || this.#reasons.size < mostKinds ? kind : 'other reasons'
    this.#reasons.set(counted, (this.#reasons.get(counted) ?? 0) + 1)
  }

  summary(outcome: Summary['outcome']): Summary {
    const reasons = [...this.#reasons].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count)
    const { accepted, dead, read, seconds } = this
    return { outcome, read, accepted, dead, reasons, blankLines: this.blankLines, seconds }
  }
}

/** A reason without the details that differ from row to row: "createdAt must lie between 1970 and 2105". */
const kindOf = (reason: string): string => reason.split(/[:;]|, /)[0] ?? reason
