import * as z from 'zod/mini'

/** `/api/drift`: what the drift job found, for the page. */

const count = z.int().check(z.nonnegative())
const share = z.number().check(z.minimum(0), z.maximum(1))
const maybeNumber = z.nullable(z.number())

export const Verdict = z.enum(['ok', 'warning', 'drift'])
export type Verdict = z.infer<typeof Verdict>

/** A share with its 95 % interval. */
export const Estimate = z.object({ value: share, low: share, high: share })
export type Estimate = z.infer<typeof Estimate>

export const CheckSummary = z.object({
  id: z.string(),
  atMs: z.number(),
  /** Event time of the posts that were looked at, [from, to). */
  fromMs: z.number(),
  toMs: z.number(),
  model: z.object({ name: z.string(), version: count }),
  verdict: Verdict,
  /** `collecting`, `no-posts`, `too-few-posts` or `checked`; `unreadable` when another version of the program wrote it. */
  state: z.string(),
  headline: z.string(),
  posts: count,
  /** Accuracy as the scores promise it, and as the labels known at the time of the check show it. */
  estimated: z.nullable(Estimate),
  /** Why there is none. */
  estimateNote: z.string(),
  measured: z.nullable(z.extend(Estimate, { labels: count })),
})
export type CheckSummary = z.infer<typeof CheckSummary>

/** A word, hashtag, source, language or class whose share of the posts moved. */
export const Moved = z.object({
  name: z.string(),
  reference: share,
  live: share,
  posts: z.array(z.object({ id: z.string(), text: z.string() })),
})
export type Moved = z.infer<typeof Moved>

export const Statistic = z.object({
  /** '' for all posts. */
  segment: z.string(),
  name: z.string(),
  value: maybeNumber,
  threshold: maybeNumber,
  p: maybeNumber,
  effect: maybeNumber,
  referencePosts: count,
  posts: count,
  verdict: Verdict,
  /** False for one that is shown beside those that decide. */
  decides: z.boolean(),
  sentence: z.string(),
})
export type Statistic = z.infer<typeof Statistic>

export const CheckReport = z.object({
  id: z.string(),
  reasons: z.array(z.object({ segment: z.string(), verdict: Verdict, sentence: z.string() })),
  /** Labels contradict what the scores promise: what words mean has changed. */
  estimateFailed: z.boolean(),
  moved: z.object({
    words: z.array(Moved),
    hashtags: z.array(Moved),
    sources: z.array(Moved),
    languages: z.array(Moved),
    classes: z.array(Moved),
  }),
  statistics: z.array(Statistic),
})
export type CheckReport = z.infer<typeof CheckReport>

export const DriftPage = z.object({
  atMs: z.number(),
  /** Newest first. */
  checks: z.array(CheckSummary),
  /** Of the check that was asked for, or of the newest. */
  report: z.nullable(CheckReport),
  /** Those statistics of the whole stream that decide, over `checks`, oldest first. */
  history: z.array(
    z.object({
      name: z.string(),
      points: z.array(z.object({ atMs: z.number(), value: maybeNumber, threshold: maybeNumber, verdict: Verdict })),
    }),
  ),
  /** Accuracy in the window of the report's check from the labels that are known now. */
  accuracy: z.nullable(z.extend(Estimate, { labels: count, effective: z.number() })),
})
export type DriftPage = z.infer<typeof DriftPage>
