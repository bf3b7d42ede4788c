import type { ReviewPost, ReviewSummary } from '../review-api.ts'

/** What the session asks of the server; each throws while it cannot be reached, or refuses. */
export interface ReviewServer {
  next(request: { count: number; have: readonly string[]; adjudicate: boolean }): Promise<{
    posts: readonly ReviewPost[]
    summary: ReviewSummary
  }>
  answer(request: { postId: string; label: string; adjudicate: boolean }): Promise<void>
  skip(postId: string): Promise<void>
  undo(postId: string): Promise<ReviewPost>
}

export interface ReviewState {
  /** The first is shown, the others wait, so that the next post is there at once. */
  readonly posts: readonly ReviewPost[]
  readonly summary: ReviewSummary | undefined
  /** The last decision that can be taken back; `label` is `undefined` for a post that was passed over. */
  readonly last: { readonly post: ReviewPost; readonly label: string | undefined } | undefined
  /** Why something was not written or read; what was not written is shown again. */
  readonly trouble: string | undefined
  /** False until the server has answered once. */
  readonly loaded: boolean
}

const wanted = 5
const fewest = 3
const mostUndo = 50

type Decision = NonNullable<ReviewState['last']>

/**
 * One reviewer at work: posts are fetched ahead, decisions are shown at once and sent one after the other. A decision that
 * could not be written brings its post back.
 */
export class ReviewSession {
  #state: ReviewState = { posts: [], summary: undefined, last: undefined, trouble: undefined, loaded: false }
  readonly #server: ReviewServer
  readonly #adjudicate: boolean
  readonly #tell: (error: unknown) => string
  readonly #onChange: (state: ReviewState) => void
  readonly #decisions: Decision[] = []
  /** Decided and not yet written, and, of an adjudicator, passed over: the server would give them out again. */
  readonly #away = new Set<string>()
  #sending: Promise<void> = Promise.resolve()
  #filling = false

  constructor(options: {
    server: ReviewServer
    adjudicate: boolean
    tell: (error: unknown) => string
    onChange: (state: ReviewState) => void
  }) {
    this.#server = options.server
    this.#adjudicate = options.adjudicate
    this.#tell = options.tell
    this.#onChange = options.onChange
  }

  get state(): ReviewState {
    return this.#state
  }

  /** Fetches posts when few are left; the summary comes, and the leases are renewed, in any case. */
  async refresh(): Promise<void> {
    if (this.#filling) return
    this.#filling = true
    try {
      const have = [...this.#state.posts.map(({ id }) => id), ...this.#away].slice(0, 50)
      const count = this.#state.posts.length < fewest ? wanted - this.#state.posts.length : 0
      const { posts, summary } = await this.#server.next({ count, have, adjudicate: this.#adjudicate })
      const known = new Set([...this.#state.posts.map(({ id }) => id), ...this.#away])
      const fresh = posts.filter(({ id }) => !known.has(id))
      this.#set({ posts: [...this.#state.posts, ...fresh], summary, trouble: undefined, loaded: true })
    } catch (error) {
      this.#set({ trouble: this.#tell(error), loaded: true })
    } finally {
      this.#filling = false
    }
  }

  /** @param label a class of the first post, or `undefined` to pass it over */
  decide(label: string | undefined): void {
    const [post, ...rest] = this.#state.posts
    if (post === undefined || (label !== undefined && !post.classes.includes(label))) return
    const decision = { post, label }
    this.#away.add(post.id)
    this.#decisions.push(decision)
    if (this.#decisions.length > mostUndo) this.#decisions.shift()
    this.#set({ posts: rest })
    this.#send(() => this.#write(decision))
  }

  undo(): void {
    const decision = this.#decisions.pop()
    if (decision === undefined) return
    this.#set({})
    this.#send(async () => {
      try {
        const local = this.#adjudicate && decision.label === undefined
        const post = local ? decision.post : await this.#server.undo(decision.post.id)
        this.#away.delete(post.id)
        this.#set({ posts: [post, ...this.#state.posts.filter(({ id }) => id !== post.id)], trouble: undefined })
      } catch (error) {
        this.#decisions.push(decision)
        this.#set({ trouble: this.#tell(error) })
      }
    })
  }

  /** When everything decided so far was sent. */
  settled(): Promise<void> {
    return this.#sending
  }

  async #write({ post, label }: Decision): Promise<void> {
    try {
      if (label !== undefined) {
        await this.#server.answer({ postId: post.id, label, adjudicate: this.#adjudicate })
      } else if (!this.#adjudicate) await this.#server.skip(post.id)
      else return // an adjudicator may have an answer of their own for it, which stays
      this.#away.delete(post.id)
      this.#set({ trouble: undefined })
    } catch (error) {
      this.#away.delete(post.id)
      const at = this.#decisions.findIndex((decision) => decision.post.id === post.id)
      if (at >= 0) this.#decisions.splice(at, 1)
      const others = this.#state.posts.filter(({ id }) => id !== post.id)
      this.#set({ posts: [post, ...others], trouble: `This answer was not kept: ${this.#tell(error)}` })
      return
    }
    await this.refresh() // the progress has changed, and the next posts may be needed
  }

  #send(act: () => Promise<void>): void {
    this.#sending = this.#sending.then(act)
  }

  #set(change: Partial<ReviewState>): void {
    this.#state = { ...this.#state, ...change, last: this.#decisions.at(-1) }
    this.#onChange(this.#state)
  }
}
