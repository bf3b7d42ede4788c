import type { Clock } from '../../core/clock.ts'

/** How long a reviewer keeps a post to themselves, in milliseconds. */
const leaseMs = 5 * 60_000
/** Most posts that one reviewer holds. */
const mostEach = 20

/**
 * Which post lies before which reviewer, so that two people are not asked about the same one at the same time. Kept in memory
 * only: after a restart of the server, a post may get one answer too many, which is no harm.
 */
export class Leases {
  readonly #clock: Clock
  /** By post, in the order in which they were given. */
  readonly #held = new Map<string, { readonly reviewer: string; readonly untilMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Posts that somebody else holds. */
  ofOthers(reviewer: string): readonly string[] {
    this.#expire()
    return [...this.#held].flatMap(([post, lease]) => (lease.reviewer === reviewer ? [] : [post]))
  }

  /** Reviewers who hold a post. */
  get reviewers(): number {
    this.#expire()
    return new Set([...this.#held.values()].map(({ reviewer }) => reviewer)).size
  }

  /**
   * Takes a post, or keeps it longer; the reviewer's oldest is let go when there are too many.
   *
   * @returns false when somebody else holds it
   */
  take(post: string, reviewer: string): boolean {
    this.#expire()
    const lease = this.#held.get(post)
    if (lease !== undefined && lease.reviewer !== reviewer) return false
    this.#held.delete(post) // the newest stands last
    this.#held.set(post, { reviewer, untilMs: this.#clock.now() + leaseMs })
    const own = [...this.#held].filter(([, held]) => held.reviewer === reviewer)
    if (own.length > mostEach) this.#held.delete(own[0]?.[0] ?? '')
    return true
  }

  /** Gives a post back, or all of them. */
  release(reviewer: string, post?: string): void {
    for (const [held, lease] of this.#held) {
      if (lease.reviewer === reviewer && (post === undefined || post === held)) this.#held.delete(held)
    }
  }

  #expire(): void {
    const now = this.#clock.now()
    for (const [post, { untilMs }] of this.#held) if (untilMs <= now) this.#held.delete(post)
  }
}
