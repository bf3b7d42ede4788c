import * as z from 'zod/mini'

/** What page and server say to each other under `/api/review`; zod/mini, because the page imports this too. */

const count = z.int().check(z.nonnegative())

/** A post to be judged. What the model says about it is not told: it would be believed. */
export const ReviewPost = z.object({
  id: z.string(),
  text: z.string(),
  source: z.string(),
  lang: z.string(),
  /** When it was written; 0 when nobody knows. */
  eventAtMs: z.number(),
  /** What it may be, in the model's order. */
  classes: z.array(z.string()),
  /** Why it was chosen; `audit` is the random slice. */
  strategy: z.string(),
  /** For an adjudicator: the answers that disagree. */
  answers: z.array(z.object({ by: z.string(), label: z.string() })),
})
export type ReviewPost = z.infer<typeof ReviewPost>

export const ReviewSummary = z.object({
  /** Posts that the queue has asked about, and how many of them have an answer. */
  asked: count,
  answered: count,
  /** Posts on which answers tie. */
  disputed: count,
  /** Posts with a label of any origin. */
  labelled: count,
  /** When the queue was filled last; 0: never. */
  queuedAtMs: z.number(),
  /** Reviewers who hold a post right now. */
  reviewing: count,
  /** `simulated`: not a person, but a stand-in that answers with the labels that posts came with. */
  people: z.array(z.object({ name: z.string(), answers: count, skipped: count, simulated: z.boolean() })),
  agreement: z.object({
    /** Posts that several people answered for. */
    posts: count,
    /** Share of pairs of answers that are equal. */
    raw: z.nullable(z.number()),
    /** Krippendorff's α, nominal. */
    alpha: z.nullable(z.number()),
  }),
})
export type ReviewSummary = z.infer<typeof ReviewSummary>

export const NextReply = z.object({ posts: z.array(ReviewPost), summary: ReviewSummary })
export const UndoReply = z.object({ post: ReviewPost })

/** No control characters, and no half of a surrogate pair. */
const wellFormed = z.regex(/^[^\p{Cc}\p{Cs}]*$/u)

/** Whose answers they are. There is no password: who may open the page may answer. */
export const Reviewer = z.string().check(z.trim(), z.minLength(1), z.maxLength(64), wellFormed)
const postId = z.string().check(z.minLength(1), z.maxLength(256))

export const NextRequest = z.strictObject({
  reviewer: Reviewer,
  /** Posts wanted, each leased to the reviewer for some minutes; with 0 the leases of `have` are only renewed. */
  count: z._default(z.int().check(z.minimum(0), z.maximum(10)), 1),
  /** Posts that the page has already. */
  have: z._default(z.array(postId).check(z.maxLength(50)), []),
  /** Only posts on which answers tie, to be settled. */
  adjudicate: z._default(z.boolean(), false),
})
export const AnswerRequest = z.strictObject({
  reviewer: Reviewer,
  postId,
  label: z.string().check(z.minLength(1), z.maxLength(64)),
  note: z._default(z.string().check(z.maxLength(500)), ''),
  adjudicate: z._default(z.boolean(), false),
})
export const PostRequest = z.strictObject({ reviewer: Reviewer, postId })
export const ReleaseRequest = z.strictObject({ reviewer: Reviewer })
