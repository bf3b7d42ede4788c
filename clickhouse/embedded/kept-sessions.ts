import type { Session } from 'chdb'

/** Kept at most: 0.25 MB each. */
const most = 32

/** A session whose context is set. */
export interface Prepared {
  readonly session: Session
  /** The statements that set its context. */
  readonly context: string
  /** Of the execution that it ran last, which is its `log_comment`. */
  readonly id: string
}

/**
 * Sessions that wait for the next statement of the same context: to open one and to set it up cost a small insert a
 * tenth of its processor time. Only after statements that cannot change their session.
 */
export class KeptSessions {
  /** The one used last is at the end. */
  readonly #kept: Prepared[] = []

  take(context: string): Prepared | undefined {
    const at = this.#kept.findLastIndex((kept) => kept.context === context)
    return at < 0 ? undefined : this.#kept.splice(at, 1)[0]
  }

  keep(prepared: Prepared): void {
    this.#kept.push(prepared)
    if (this.#kept.length > most) this.#kept.shift()?.session.close()
  }

  closeAll(): void {
    for (const { session } of this.#kept.splice(0)) session.close()
  }
}
