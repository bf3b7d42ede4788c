import type { Session } from 'chdb'
import { ClickHouseException } from './exception.ts'
import type { Request } from './request.ts'

const most = 64

interface Held {
  readonly session: Session
  busy: boolean
  expiry: NodeJS.Timeout | undefined
}

/** Sessions that clients name, to keep temporary tables and settings between requests. */
export class NamedSessions {
  readonly #open: () => Session
  readonly #held = new Map<string, Held>()

  constructor(open: () => Session) {
    this.#open = open
  }

  /** Lends a session to one request. @throws ClickHouseException 373 while another has it, 372 when it must exist */
  borrow(asked: NonNullable<Request['session']>): { session: Session; giveBack: () => void } {
    const held = this.#held.get(asked.id) ?? this.#create(asked)
    if (held.busy)
      throw ClickHouseException.raise('SESSION_IS_LOCKED', `Session ${asked.id} is locked by a concurrent client.`)
    clearTimeout(held.expiry)
    held.busy = true
    return {
      session: held.session,
      giveBack: () => {
        held.busy = false
        held.expiry = setTimeout(() => this.#forget(asked.id), asked.timeoutMs).unref()
      },
    }
  }

  closeAll(): void {
    for (const id of [...this.#held.keys()]) this.#forget(id)
  }

  #create(asked: NonNullable<Request['session']>): Held {
    if (asked.mustExist) throw ClickHouseException.raise('SESSION_NOT_FOUND', `Session ${asked.id} not found.`)
    if (this.#held.size >= most) {
      throw ClickHouseException.raise('TOO_MANY_SIMULTANEOUS_QUERIES', `There are ${most} sessions already.`)
    }
    const held = { session: this.#open(), busy: false, expiry: undefined }
    this.#held.set(asked.id, held)
    return held
  }

  #forget(id: string): void {
    const held = this.#held.get(id)
    if (held === undefined) return
    clearTimeout(held.expiry)
    this.#held.delete(id)
    held.session.close()
  }
}
