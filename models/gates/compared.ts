import { argmax } from '../../stats/softmax.ts'
import type { ComparedSet } from './report.ts'

/** A labelled post as the gates see it. */
export interface JudgedPost {
  /** Index of the class. */
  readonly truth: number
  /** Event time in epoch milliseconds, where it is known. */
  readonly atMs: number | undefined
  /** Probability with which it was chosen for labelling, above 0 to 1. */
  readonly selectionProbability: number
  readonly lang: string
  readonly source: string
  /** Of the text as written. */
  readonly words: number
}

/** Labelled posts that neither model was trained on, and what both say about them. */
export interface Judged {
  /** Where the posts came from. */
  readonly source: string
  readonly labels: readonly string[]
  readonly posts: readonly JudgedPost[]
  /** [rows · classes], probabilities. */
  readonly champion: Float64Array
  readonly candidate: Float64Array
}

/** What every gate needs of a set, counted once. All arrays are [rows]. */
export interface Counted {
  readonly rows: number
  readonly classes: number
  readonly truth: Int32Array
  /** Mean 1. */
  readonly weights: Float64Array
  readonly championSays: Int32Array
  readonly candidateSays: Int32Array
}

/**
 * A post stands for 1 / (probability with which it was chosen) posts, so that a set of doubtful posts still tells about
 * the stream (Horvitz and Thompson 1952, doi:10.1080/01621459.1952.10483446). No post stands for more than this many
 * average ones: a single one that was chosen by a chance of a thousandth would decide alone.
 */
const mostWeight = 20

export function counted({ labels, posts, champion, candidate }: Judged): Counted {
  const rows = posts.length
  const classes = labels.length
  const inverse = posts.map(({ selectionProbability }) => 1 / selectionProbability)
  const mean = inverse.reduce((sum, weight) => sum + weight, 0) / Math.max(1, rows)
  const capped = inverse.map((weight) => Math.min(weight, mostWeight * mean))
  const total = capped.reduce((sum, weight) => sum + weight, 0)
  return {
    rows,
    classes,
    truth: Int32Array.from(posts, ({ truth }) => truth),
    weights: Float64Array.from(capped, (weight) => (weight * rows) / total),
    championSays: Int32Array.from(posts, (_, row) => argmax(champion, row, classes)),
    candidateSays: Int32Array.from(posts, (_, row) => argmax(candidate, row, classes)),
  }
}

/** The rows of a set that `keep` holds for. */
export function rowsWhere(rows: number, keep: (row: number) => boolean): Int32Array {
  return Int32Array.from(Array.from({ length: rows }, (_, row) => row).filter(keep))
}

/** Weighted mean over the classes that occur of recall, of the rows with these indices. */
export function macroRecall(set: Counted, says: Int32Array, indices: Int32Array): number {
  const hits = new Float64Array(set.classes)
  const sums = new Float64Array(set.classes)
  for (const row of indices) {
    const truth = set.truth[row] ?? 0
    const weight = set.weights[row] ?? 0
    sums[truth] = (sums[truth] ?? 0) + weight
    if (says[row] === truth) hits[truth] = (hits[truth] ?? 0) + weight
  }
  let [recalls, occurring] = [0, 0]
  for (let index = 0; index < set.classes; index++) {
    const sum = sums[index] ?? 0
    if (sum === 0) continue
    recalls += (hits[index] ?? 0) / sum
    occurring++
  }
  return recalls / Math.max(1, occurring)
}

/** Weighted share of right answers among the rows with these indices; 0 when there are none. */
export function accuracy(set: Counted, says: Int32Array, indices: Int32Array): number {
  let [hits, sum] = [0, 0]
  for (const row of indices) {
    const weight = set.weights[row] ?? 0
    sum += weight
    if (says[row] === set.truth[row]) hits += weight
  }
  return sum === 0 ? 0 : hits / sum
}

/** Weighted F1 of one class, of the rows with these indices; 1 where the class neither occurs nor is claimed. */
export function f1(set: Counted, says: Int32Array, indices: Int32Array, of: number): number {
  let [both, either] = [0, 0]
  for (const row of indices) {
    const weight = set.weights[row] ?? 0
    const is = set.truth[row] === of
    const claimed = says[row] === of
    if (is && claimed) both += 2 * weight
    either += (is ? weight : 0) + (claimed ? weight : 0)
  }
  return either === 0 ? 1 : both / either
}

export function describeCompared(judged: Judged, set: Counted): ComparedSet {
  const all = rowsWhere(set.rows, () => true)
  const times = judged.posts.flatMap(({ atMs }) => atMs ?? [])
  const instant = (pick: (a: number, b: number) => number): string | null =>
    times.length === 0 ? null : new Date(times.reduce((a, b) => pick(a, b))).toISOString()
  const of = (says: Int32Array, probabilities: Float64Array) => {
    const weighted = (value: (row: number) => number): number =>
      all.reduce((sum, row) => sum + (set.weights[row] ?? 0) * value(row), 0) / set.rows
    const sure = (row: number) => probabilities[row * set.classes + (says[row] ?? 0)] ?? 0
    return {
      accuracy: accuracy(set, says, all),
      macroRecall: macroRecall(set, says, all),
      confidence: Math.min(
        1,
        weighted((row) => (Number.isFinite(sure(row)) ? sure(row) : 0)),
      ),
      classes: Object.fromEntries(
        judged.labels.map((label, index) => [
          label,
          Math.min(
            1,
            weighted((row) => (says[row] === index ? 1 : 0)),
          ),
        ]),
      ),
    }
  }
  return {
    rows: set.rows,
    from: instant(Math.min),
    to: instant(Math.max),
    source: judged.source,
    champion: of(set.championSays, judged.champion),
    candidate: of(set.candidateSays, judged.candidate),
  }
}

export const points = (share: number): string => (100 * share).toFixed(1)
