import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { ServerMessage, Snapshot } from '../protocol.ts'
import type { LiveFeed } from './feed.ts'

/** The side of a socket that sends; `ws` sockets fit. */
export interface Outlet {
  /** Bytes accepted by `send` that the operating system has not taken yet. */
  readonly bufferedAmount: number
  send(data: string): void
}

export interface Viewer {
  look(visible: boolean): void
  /** The page has drawn snapshot `seq`. */
  seen(seq: number): void
  leave(): void
}

/** The wait after a poll, in milliseconds: three times what the poll took, so that polling stays below a quarter of the time. */
const shortestWaitMs = 250
const longestWaitMs = 2_000

/**
 * Takes snapshots while somebody looks and hands them to every page.
 *
 * A page holds at most one snapshot that it has not drawn. Those taken meanwhile are passed over, so a slow page gets
 * the newest when it is ready and never a backlog. Its word counts, besides `bufferedAmount`, because a page that is
 * busy drawing leaves messages in the browser's queue, where the server cannot see them.
 *
 * - asleep: nobody looks; entered when the last viewer leaves or hides, left when one looks
 * - awake: polls, sends, waits; a poll that fails is told to the pages as `trouble` and tried again
 */
export class Viewers {
  readonly #feed: LiveFeed
  readonly #clock: Clock
  readonly #log: Log
  readonly #stop = new AbortController()
  readonly #viewers = new Set<Seat>()
  #newest: { readonly seq: number; readonly text: string } | undefined
  #seq = 0
  #loop: Promise<void> | undefined
  #polling: Promise<Snapshot> | undefined

  constructor(feed: LiveFeed, clock: Clock, log: Log) {
    this.#feed = feed
    this.#clock = clock
    this.#log = log
  }

  join(outlet: Outlet): Viewer {
    const seat: Seat = { outlet, visible: true, sent: 0, drawn: 0 }
    this.#viewers.add(seat)
    this.#wake()
    return {
      look: (visible) => {
        seat.visible = visible
        if (visible) this.#wake()
      },
      seen: (seq) => {
        seat.drawn = Math.max(seat.drawn, Math.min(seq, seat.sent))
        this.#offer(seat)
      },
      leave: () => void this.#viewers.delete(seat),
    }
  }

  /** A snapshot taken now; callers who ask at the same time share one. */
  current(): Promise<Snapshot> {
    this.#polling ??= this.#feed.snapshot().finally(() => {
      this.#polling = undefined
    })
    return this.#polling
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the dashboard stops'))
    await this.#loop
  }

  #wake(): void {
    if (this.#loop !== undefined || this.#stop.signal.aborted) return
    this.#newest = undefined // it may be hours old
    this.#loop = this.#poll().finally(() => {
      this.#loop = undefined
      if (this.#watched()) this.#wake() // somebody came between the last check and now
    })
  }

  #watched(): boolean {
    return [...this.#viewers].some(({ visible }) => visible)
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stop
    while (this.#watched() && !signal.aborted) {
      const startedMs = this.#clock.now()
      try {
        const snapshot = await this.current()
        const seq = ++this.#seq
        this.#newest = { seq, text: encode({ type: 'snapshot', seq, snapshot }) }
        for (const seat of this.#viewers) this.#offer(seat)
      } catch (error) {
        this.#log.warn({ err: error }, 'no snapshot could be taken')
        for (const seat of this.#viewers) this.#tell(seat, encode({ type: 'trouble', reason: messageOf(error) }))
      }
      const tookMs = this.#clock.now() - startedMs
      const waitMs = Math.min(longestWaitMs, Math.max(shortestWaitMs, 3 * tookMs))
      await this.#clock.sleep(waitMs, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
    }
  }

  #offer(seat: Seat): void {
    if (this.#newest === undefined || this.#newest.seq <= seat.sent || seat.drawn < seat.sent) return
    if (this.#tell(seat, this.#newest.text)) seat.sent = this.#newest.seq
  }

  /** Says nothing to a page that is hidden or has not taken what it was sent. */
  #tell(seat: Seat, text: string): boolean {
    if (!seat.visible || seat.outlet.bufferedAmount > 0) return false
    seat.outlet.send(text)
    return true
  }
}

interface Seat {
  readonly outlet: Outlet
  visible: boolean
  /** Number of the snapshot sent last, and of the one drawn last. */
  sent: number
  drawn: number
}

export const encode = (message: ServerMessage): string => JSON.stringify(message)
