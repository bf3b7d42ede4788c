import type { LabelRow } from '../../clickhouse/rows/labels.ts'
import type { Clock } from '../../core/clock.ts'
import { simulatedReviewer } from '../../jobs/drift/review/reveal.ts'
import { krippendorffAlpha, rawAgreement } from '../../stats/krippendorff.ts'
import type { ReviewPost, ReviewSummary } from '../review-api.ts'
import { Leases } from './leases.ts'
import { remembered } from './remembered.ts'
import type { QueuedPost, ReviewStore, Answer as StoredAnswer } from './review-store.ts'

export interface NextPosts {
  readonly reviewer: string
  readonly count: number
  readonly have: readonly string[]
  readonly adjudicate: boolean
}

export interface GivenAnswer {
  readonly reviewer: string
  readonly postId: string
  readonly label: string
  readonly note: string
  readonly adjudicate: boolean
}

/** What became of an answer: `unknown` for a post that nobody is asked about, `class` for one that is none of its classes. */
export type Outcome = 'written' | 'unknown' | 'class'

/** Agreement is told of answers of the last 90 days: what people once disagreed on has been settled since. */
const agreementMs = 90 * 24 * 3600_000
/** Answers that can be taken back so that what the person had said before stands again. */
const mostReplaced = 1_000
/** A summary is at most this old, in milliseconds. */
const freshMs = 2_000

/** Hands out posts, each to one reviewer at a time, and takes their answers. */
export class ReviewDesk {
  readonly #store: ReviewStore
  readonly #clock: Clock
  readonly #classes: () => Promise<readonly string[]>
  readonly #leases: Leases
  /** What each of the last answers replaced, for those who take it back. */
  readonly #replaced = new Map<string, StoredAnswer>()
  readonly #summary: ReturnType<typeof remembered<ReviewSummary>>

  /** @param classes of the model in use, for posts that were labelled and never queued */
  constructor(store: ReviewStore, clock: Clock, classes: () => Promise<readonly string[]>) {
    this.#store = store
    this.#clock = clock
    this.#classes = classes
    this.#leases = new Leases(clock)
    this.#summary = remembered(clock, freshMs, () => this.#count())
  }

  async next({ reviewer, count, have, adjudicate }: NextPosts): Promise<readonly ReviewPost[]> {
    const except = [...new Set([...have, ...this.#leases.ofOthers(reviewer)])]
    // More than are wanted: somebody may take some while the store is asked.
    const found = count === 0 ? [] : await this.#wanted(reviewer, except, count + 10, adjudicate)
    const taken: QueuedPost[] = []
    for (const post of found) {
      if (taken.length === count) break
      if (this.#leases.take(post.post_id, reviewer)) taken.push(post)
    }
    for (const post of have) this.#leases.take(post, reviewer)
    return this.#shown(taken, adjudicate)
  }

  #wanted(reviewer: string, except: readonly string[], rows: number, adjudicate: boolean) {
    return adjudicate ? this.#store.disputes(except, rows) : this.#store.next(reviewer, except, rows)
  }

  async answer({ reviewer, postId, label, note, adjudicate }: GivenAnswer): Promise<Outcome> {
    const post = await this.#find(postId, adjudicate)
    if (post === undefined) return 'unknown'
    if (!post.classes.includes(label)) return 'class'
    await this.#write(post, reviewer, { label, note, origin: adjudicate ? 'adjudication' : 'review' })
    this.#leases.release(reviewer, postId)
    return 'written'
  }

  /** Passes a post over: this reviewer is not shown it again, others are. */
  async skip(reviewer: string, postId: string): Promise<Outcome> {
    const post = await this.#find(postId, true)
    if (post === undefined) return 'unknown'
    const mine = await this.#own(reviewer, postId)
    if (mine === undefined || mine.label === '') {
      await this.#write(post, reviewer, { label: '', note: 'skipped', origin: 'review' })
    }
    this.#leases.release(reviewer, postId)
    return 'written'
  }

  /** Takes an answer or a refusal back and gives the post out again; `undefined` when there was none. */
  async undo(reviewer: string, postId: string): Promise<ReviewPost | undefined> {
    const post = await this.#find(postId, true)
    const mine = await this.#own(reviewer, postId)
    if (post === undefined || mine === undefined || (mine.label === '' && mine.note !== 'skipped')) return undefined
    const before = this.#replaced.get(answerKey(reviewer, postId))
    await this.#write(post, reviewer, before ?? { label: '', note: 'withdrawn', origin: mine.origin })
    this.#replaced.delete(answerKey(reviewer, postId))
    this.#leases.take(postId, reviewer)
    return (await this.#shown([post], mine.origin === 'adjudication'))[0]
  }

  release(reviewer: string): void {
    this.#leases.release(reviewer)
  }

  /** Counted at most once in two seconds, however many pages ask. */
  async summary(): Promise<ReviewSummary> {
    return { ...(await this.#summary.get()), reviewing: this.#leases.reviewers }
  }

  async #count(): Promise<ReviewSummary> {
    const { queued_at_ms, ...progress } = await this.#store.progress()
    const people = await this.#store.people()
    const answers = await this.#store.disputed(Math.max(0, this.#clock.now() - agreementMs))
    return {
      ...progress,
      queuedAtMs: queued_at_ms,
      reviewing: 0,
      people: people.map(({ labelled_by: name, answers: given, skipped }) => ({
        name,
        answers: given,
        skipped,
        simulated: name === simulatedReviewer,
      })),
      agreement: {
        posts: answers.length,
        raw: rawAgreement(answers) ?? null,
        alpha: krippendorffAlpha(answers) ?? null,
      },
    }
  }

  async #find(postId: string, disputes: boolean): Promise<QueuedPost | undefined> {
    const queued = await this.#store.post(postId)
    if (queued !== undefined || !disputes) return queued
    const [labelled] = await this.#store.answers([postId])
    if (labelled === undefined) return undefined
    const { text, event_at_ms, selection_probability } = labelled
    const classes = [...(await this.#classes())]
    const known = { post_id: postId, text, event_at_ms, selection_probability, classes }
    return { ...known, source: '', lang: '', strategy: 'audit' }
  }

  async #own(reviewer: string, postId: string): Promise<StoredAnswer | undefined> {
    return (await this.#store.answers([postId])).find(({ labelled_by }) => labelled_by === reviewer)
  }

  async #write(
    post: QueuedPost,
    reviewer: string,
    { label, note, origin }: Pick<LabelRow, 'label' | 'note' | 'origin'>,
  ): Promise<void> {
    const before = await this.#own(reviewer, post.post_id)
    if (before !== undefined && before.label !== '') this.#remember(answerKey(reviewer, post.post_id), before)
    // The newest answer counts, so this one is newer than the last also when the clock was set back in between.
    const labelled_at = Math.max(this.#clock.now(), (before?.labelled_at_ms ?? 0) + 1)
    await this.#store.write({
      label,
      note,
      origin,
      post_id: post.post_id,
      labelled_by: reviewer,
      labelled_at,
      text: post.text,
      event_at: post.event_at_ms,
      selection_probability: post.selection_probability,
    })
    this.#summary.forget('')
  }

  #remember(key: string, before: StoredAnswer): void {
    this.#replaced.delete(key)
    this.#replaced.set(key, before)
    const oldest = this.#replaced.keys().next()
    if (this.#replaced.size > mostReplaced && !oldest.done) this.#replaced.delete(oldest.value)
  }

  async #shown(posts: readonly QueuedPost[], adjudicate: boolean): Promise<readonly ReviewPost[]> {
    const answers = adjudicate && posts.length > 0 ? await this.#store.answers(posts.map((post) => post.post_id)) : []
    const fallback = posts.some(({ classes }) => classes.length === 0) ? await this.#classes() : []
    return posts.map((post) => ({
      id: post.post_id,
      text: post.text,
      source: post.source,
      lang: post.lang,
      eventAtMs: post.event_at_ms,
      classes: [...(post.classes.length > 0 ? post.classes : fallback)],
      strategy: post.strategy,
      answers: answers
        .filter((answer) => answer.post_id === post.post_id && answer.label !== '')
        .map(({ labelled_by: by, label }) => ({ by, label })),
    }))
  }
}

const answerKey = (reviewer: string, postId: string): string => JSON.stringify([reviewer, postId])
