import { fitLogistic, logOdds } from '../../stats/logistic.ts'
import { argmax } from '../../stats/softmax.ts'
import { twoSidedZ } from '../../stats/special.ts'
import { expectedRight } from './labelled.ts'
import type { Reference } from './reference.ts'
import type { KnownPost } from './summary.ts'

/** The accuracy of a window that nobody has labelled, with its 95 % interval. */
export interface EstimatedAccuracy {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** Posts of the window that the ratio is fitted on: more change it by less than its error. */
const mostPosts = 5000
/** No labelled post speaks for more than so many: one of a kind that was rare would decide alone. */
const largestRatio = 20
/** Gradient steps: the features are few, and their weights are taken at their word. */
const steps = 100

/**
 * What the scores promise (CBPE), corrected for what is known of the posts besides their scores. Calibrated confidence is right
 * on the mix of posts it was calibrated on. Where the mix changes, posts of one confidence may be right more or less
 * often than before: longer ones, those of a language that the model hardly knows. So the labelled posts of the baseline are
 * weighted by how much more often posts like them come in the window, and their weighted mean of right minus promised is added.
 *
 * The ratio of the densities is that of a classifier between both (Bickel, Brückner and Scheffer 2009, JMLR 10, 2137–2155); the
 * sum of promise and weighted residual is the doubly robust one (Robins, Rotnitzky and Zhao 1994,
 * doi:10.1080/01621459.1994.10476818), and the idea as such that of PAPE (Białek et al. 2024, arXiv:2401.08348). With few labels
 * the residual is mostly luck, so of a residual δ with standard error s the part 1 − s² / δ² counts, or nothing.
 *
 * The interval holds the luck of the window, Σ q (1 − q) / n², and that of the labels, s².
 *
 * @returns undefined without a calibrator, that is with too few labels, or for an empty window
 */
export function estimateAccuracy(
  { calibrator, labelled }: Pick<Reference, 'calibrator' | 'labelled'>,
  window: readonly KnownPost[],
): EstimatedAccuracy | undefined {
  if (calibrator === undefined || window.length === 0) return undefined
  const rights = expectedRight(calibrator, window)
  const promised = rights.reduce((sum, right) => sum + right, 0) / rights.length
  const luck = rights.reduce((sum, right) => sum + right * (1 - right), 0) / rights.length ** 2

  const ratios = densityRatios(labelled, window.slice(0, mostPosts))
  const expected = expectedRight(calibrator, labelled)
  let [weights, residuals, squares] = [0, 0, 0]
  labelled.forEach(({ label, predicted }, at) => {
    const [weight, residual] = [ratios[at] ?? 0, (label === predicted ? 1 : 0) - (expected[at] ?? 0)]
    weights += weight
    residuals += weight * residual
    squares += (weight * residual) ** 2
  })
  const [delta, variance] = [residuals / weights, squares / weights ** 2]
  const correction = delta === 0 ? 0 : delta * Math.max(0, 1 - variance / delta ** 2)

  const value = Math.min(1, Math.max(0, promised + correction))
  const half = twoSidedZ(0.95) * Math.sqrt(luck + variance)
  return { value, low: Math.max(0, value - half), high: Math.min(1, value + half) }
}

/** How much more often posts like each of these come in the window, up to a common factor. */
function densityRatios(posts: readonly KnownPost[], window: readonly KnownPost[]): Float64Array {
  const cuts = quintiles([...posts, ...window].map(({ tokens }) => tokens))
  const columns = new Map<string, number>()
  const row = (post: KnownPost): Int32Array =>
    Int32Array.from(featuresOf(post, cuts), (feature) => {
      const column = columns.get(feature) ?? columns.size
      columns.set(feature, column)
      return column
    })
  const rows = [...posts, ...window].map(row)
  const model = fitLogistic(
    rows,
    rows.map((_, at) => at >= posts.length),
    columns.size,
    { steps },
  )
  return Float64Array.from(rows.slice(0, posts.length), (one) => Math.min(largestRatio, Math.exp(logOdds(model, one))))
}

const signs: readonly (readonly [string, RegExp])[] = [
  ['exclamation', /!/],
  ['question', /\?/],
  ['hashtag', /#\w/],
  ['mention', /@\w/],
  ['link', /https?:/],
]

/** What tells kinds of posts apart by which a model may do better or worse; each holds or does not. */
function featuresOf(
  { text, source, lang, tokens, unknown, probabilities }: KnownPost,
  cuts: readonly number[],
): string[] {
  const predicted = argmax(probabilities, 0, probabilities.length)
  return [
    `length ${cuts.filter((cut) => tokens >= cut).length}`,
    `class ${predicted} ${Math.floor((probabilities[predicted] ?? 0) * 10)}`,
    `source ${source}`,
    `lang ${lang}`,
    ...(unknown > 0 ? ['unknown'] : []),
    ...signs.flatMap(([name, pattern]) => (pattern.test(text) ? [name] : [])),
  ]
}

function quintiles(values: readonly number[]): readonly number[] {
  const sorted = [...values].sort((a, b) => a - b)
  return [0.2, 0.4, 0.6, 0.8].map((share) => sorted[Math.floor(share * sorted.length)] ?? 0)
}
