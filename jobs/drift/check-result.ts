import { z } from 'zod'
import { type DriftCheckRow, Verdict } from '../../clickhouse/rows/drift.ts'

/** What one run of the drift job found; `rows` is what `drift_checks` holds of it. */
export interface CheckResult {
  /** The same for every run of the same tick, so that a check that is repeated after a crash is stored once. */
  readonly checkId: string
  /** Epoch milliseconds. */
  readonly checkedAt: number
  /** Event time in epoch milliseconds, [from, to). */
  readonly window: { readonly from: number; readonly to: number }
  readonly modelName: string
  readonly modelVersion: number
  readonly verdict: Verdict
  /** One for each statistic and segment, and the one that says it all: segment '', statistic 'verdict'. */
  readonly rows: readonly DriftCheckRow[]
  /** Posts of the window with a usable label. */
  readonly labelled: number
}

/** Segment and statistic of the row that holds the verdict and, as `details`, the explanation. */
export const verdictRow = { segment: '', statistic: 'verdict' } as const

const share = z.number().min(0).max(1)
const instantMs = z.number().int()

/** A post as evidence: its text is capped. */
export const ExamplePost = z.object({ id: z.string(), text: z.string().max(280) })

/** Something whose share of the posts moved: a word, a hashtag, a source, a language or a class. */
export const Moved = z.object({
  name: z.string(),
  /** Shares of the posts of reference and window that hold it. */
  reference: share,
  live: share,
  /** Weight in the classifier that tells window from reference, > 0: typical of the window. 0 where it has none. */
  weight: z.number(),
  /** From the side where it is more frequent. */
  posts: z.array(ExamplePost).max(3),
})
export type Moved = z.infer<typeof Moved>

/** Accuracy with its 95 % interval. */
const Accuracy = z.object({ value: share, low: share, high: share })

/**
 * Weights of the classifier that tells posts of the window from posts of the reference, by word (normalised, lower case;
 * '#tag' for hashtags): a post belongs to the window with probability 1 / (1 + exp(−(bias + Σ weights of its distinct words))).
 */
export const ShiftModel = z.object({ bias: z.number(), weights: z.record(z.string(), z.number()) })
export type ShiftModel = z.infer<typeof ShiftModel>

/**
 * `details` of the verdict row: why it says so, in words and numbers.
 *
 * `state` says what kind of check it was. `collecting`: the version's baseline is not complete, so nothing was compared.
 * `no-posts`: none arrived since the last check. `too-few-posts`: fewer than the configured minimum. `checked`: the
 * window was compared, and only then do the other fields carry something.
 */
export const CheckDetails = z.object({
  schema: z.literal(1),
  state: z.enum(['collecting', 'no-posts', 'too-few-posts', 'checked']),
  /** One sentence for a person, such as `collecting baseline: 3,200 of 5,000 posts`. */
  headline: z.string(),
  /** What raised an alarm or a warning, the strongest first; empty when all is well. */
  reasons: z.array(z.object({ segment: z.string(), statistic: z.string(), verdict: Verdict, sentence: z.string() })),
  /** What the window was compared with. */
  baseline: z.object({ posts: z.int(), wanted: z.int(), from: instantMs, to: instantMs }).nullable(),
  budget: z
    .object({
      /** At most so many false alarms in so many days … */
      alarms: z.number(),
      days: z.number(),
      /** … over so many checks make this the significance of one check, shared by so many tests. */
      checks: z.number(),
      alpha: share,
      tests: z.int(),
    })
    .nullable(),
  /** Accuracy in the window as the scores alone promise it (CBPE), and as the labels show it. */
  estimated: Accuracy.nullable(),
  /** Why there is no estimate; '' where there is one, or no check. */
  estimateNote: z.string().default(''),
  measured: Accuracy.extend({ labels: z.int() }).nullable(),
  /** True once labels contradict the estimate: then what words mean has changed, and no score can show it. */
  estimateFailed: z.boolean(),
  moved: z.object({
    words: z.array(Moved),
    hashtags: z.array(Moved),
    sources: z.array(Moved),
    languages: z.array(Moved),
    classes: z.array(Moved),
  }),
  /** For choosing posts to label that are typical of the change; `null` when the texts do not differ. */
  shift: ShiftModel.nullable(),
})
export type CheckDetails = z.infer<typeof CheckDetails>

/** `details` of every other row. */
export const StatisticDetails = z.object({
  /** What was compared and how it came out, for a person. */
  sentence: z.string(),
  /** False for a statistic that is shown beside the one that decides. */
  decides: z.boolean(),
})
export type StatisticDetails = z.infer<typeof StatisticDetails>

/** The explanation that a check left; whoever has no check yet gets `undefined`. */
export function detailsOf(result: Pick<CheckResult, 'rows'>): CheckDetails | undefined {
  const row = result.rows.find(
    ({ segment, statistic }) => segment === verdictRow.segment && statistic === verdictRow.statistic,
  )
  return row === undefined ? undefined : CheckDetails.parse(JSON.parse(row.details))
}
