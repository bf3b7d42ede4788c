import { insertLabels } from '../../clickhouse/labels.ts'
import type { QueryRow } from '../../clickhouse/queries.ts'
import type { LabelRow } from '../../clickhouse/rows/labels.ts'
import type { StoreSession } from './store-session.ts'

export type QueuedPost = QueryRow<'review_next'>
export type Answer = QueryRow<'labels_of'>
export type Progress = QueryRow<'review_progress'>

/** What the review asks of ClickHouse. Each throws `STORE_UNAVAILABLE` while it is away. */
export interface ReviewStore {
  /** Posts that a reviewer has not judged yet and that still want an answer. */
  next(reviewer: string, except: readonly string[], rows: number): Promise<readonly QueuedPost[]>
  /** Posts on which answers tie. */
  disputes(except: readonly string[], rows: number): Promise<readonly QueuedPost[]>
  /** `undefined` for one that was never queued. */
  post(postId: string): Promise<QueuedPost | undefined>
  /** Everybody's newest answer for some posts, withdrawn ones too. */
  answers(postIds: readonly string[]): Promise<readonly Answer[]>
  write(row: LabelRow): Promise<void>
  progress(): Promise<Progress>
  people(): Promise<readonly QueryRow<'review_people'>[]>
  /** The answers for each post that several people have answered for since then. */
  disputed(fromMs: number): Promise<readonly (readonly string[])[]>
}

export function clickhouseReviewStore(session: StoreSession): ReviewStore {
  const none: Progress = { asked: 0, answered: 0, disputed: 0, labelled: 0, queued_at_ms: 0 }
  return {
    next: (reviewer, except, rows) => session.select('review_next', { reviewer, except, rows }),
    disputes: (except, rows) => session.select('review_disputes', { except, rows }),
    post: async (post_id) => (await session.select('review_post', { post_id }))[0],
    answers: (post_ids) => session.select('labels_of', { post_ids }),
    write: (row) => session.use((client, signal) => insertLabels(client, [row], signal)),
    progress: async () => (await session.select('review_progress'))[0] ?? none,
    people: () => session.select('review_people'),
    disputed: async (from_ms) => (await session.select('label_disputes', { from_ms })).map(({ answers }) => answers),
  }
}
