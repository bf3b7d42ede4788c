import type { LabelRow } from '../../../clickhouse/rows/labels.ts'
import type { Answer, QueuedPost, ReviewStore } from '../review-store.ts'

/** A review queue in memory that says what the SQL says; an error in `trouble` is thrown instead. */
export class MemoryReview implements ReviewStore {
  queue: QueuedPost[] = []
  readonly labels = new Map<string, LabelRow>()
  trouble: Error | undefined

  #answers(postId?: string): Answer[] {
    if (this.trouble !== undefined) throw this.trouble
    return [...this.labels.values()]
      .filter(({ post_id }) => postId === undefined || post_id === postId)
      .map(({ labelled_at, event_at, ...row }) => ({ ...row, labelled_at_ms: labelled_at, event_at_ms: event_at }))
  }

  #tied(postId: string): boolean {
    const given = this.#answers(postId).filter(({ label }) => label !== '')
    const votes = given.map(({ label }) => given.filter((other) => other.label === label).length)
    const leaders = given.filter((_, at) => votes[at] === Math.max(...votes)).map(({ label }) => label)
    return new Set(leaders).size > 1 && given.every(({ origin }) => origin !== 'adjudication')
  }

  async next(reviewer: string, except: readonly string[], rows: number) {
    return this.queue
      .filter(({ post_id }) => {
        const answers = this.#answers(post_id)
        const judged = answers.some(
          (one) => one.labelled_by === reviewer && (one.label !== '' || one.note === 'skipped'),
        )
        return !judged && (this.#tied(post_id) || answers.every(({ label }) => label === ''))
      })
      .filter(({ post_id }) => !except.includes(post_id))
      .slice(0, rows)
  }

  async disputes(except: readonly string[], rows: number) {
    return this.queue.filter(({ post_id }) => this.#tied(post_id) && !except.includes(post_id)).slice(0, rows)
  }

  async post(postId: string) {
    if (this.trouble !== undefined) throw this.trouble
    return this.queue.find(({ post_id }) => post_id === postId)
  }

  async answers(postIds: readonly string[]) {
    return this.#answers().filter(({ post_id }) => postIds.includes(post_id))
  }

  async write(row: LabelRow) {
    if (this.trouble !== undefined) throw this.trouble
    this.labels.set(JSON.stringify([row.post_id, row.labelled_by]), row)
  }

  async progress() {
    const answered = new Set(this.#answers().flatMap(({ post_id, label }) => (label === '' ? [] : [post_id])))
    return {
      asked: this.queue.length,
      answered: answered.size,
      disputed: this.queue.filter(({ post_id }) => this.#tied(post_id)).length,
      labelled: answered.size,
      queued_at_ms: this.queue.length > 0 ? 1_767_312_000_000 : 0,
    }
  }

  async people() {
    const names = new Set(this.#answers().map(({ labelled_by }) => labelled_by))
    return [...names].map((labelled_by) => {
      const own = this.#answers().filter((row) => row.labelled_by === labelled_by)
      const skipped = own.filter(({ note }) => note === 'skipped').length
      return { labelled_by, answers: own.filter(({ label }) => label !== '').length, skipped }
    })
  }

  async disputed() {
    return this.queue
      .map(({ post_id }) => this.#answers(post_id).flatMap(({ label }) => (label === '' ? [] : [label])))
      .filter(({ length }) => length > 1)
  }
}

const sampleTexts = [
  'The queue at the airport was two hours, and the gate changed twice.',
  'Landed early, bags first off the belt. This never happens ✈️',
  'Flight LH404 departs from gate B12 at 18:05.',
  'Oh great, another "quick" update that eats my whole evening.',
] as const

export const queued = (n: number, over: Partial<QueuedPost> = {}): QueuedPost => ({
  post_id: `post-${n}`,
  text: `${sampleTexts[n % sampleTexts.length]} (${n})`,
  event_at_ms: 1_767_300_000_000 + n * 1000,
  source: 'demo',
  lang: 'en',
  classes: ['negative', 'neutral', 'positive'],
  strategy: n % 3 === 0 ? 'audit' : 'margin',
  selection_probability: 0.04,
  ...over,
})
