import { betting } from '../../../stats/betting.ts'
import type { Expectation } from './state.ts'

/** What a version did in one block of time. */
export interface WatchedBlock {
  readonly posts: number
  /** Mean. */
  readonly confidence: number
  /** Share of each class among its answers. */
  readonly classes: Readonly<Record<string, number>>
  /** Posts it failed on, beside `posts`. */
  readonly failed: number
}

/** A labelled post, answered by the new champion and by the one before. */
export interface WatchedAnswer {
  readonly right: boolean
  readonly previousRight: boolean
  readonly selectionProbability: number
}

export interface WatchBounds {
  /** Accuracy, or estimated accuracy, that may be lost. */
  readonly margin: number
  /** Share of a class that may change. */
  readonly classShift: number
}

/** Chance of ever rolling back a champion that keeps every bound, all tests together, however often one looks. */
const alpha = 0.01
const mostErrors = 0.01
/** Where posts were chosen with different probabilities, a weight counts at most so many times the mean of those before. */
const mostWeight = 4

/**
 * Whether a new champion does worse: it is right less often than the one before on the same labelled posts, its confidence
 * (calibrated, so an estimate of its accuracy) falls, it fails on posts, or its mix of classes changes against the canary's.
 * Each is an anytime-valid test of "not worse than the bound allows", so looking at every tick raises no false alarm; all
 * evidence is gone through anew, in its order, so nothing has to be kept between ticks.
 *
 * @param blocks in order; a block without posts is no evidence
 * @param answers in the order in which the labels came
 * @returns why it does worse, or `undefined`
 */
export function worse(
  blocks: readonly WatchedBlock[],
  answers: readonly WatchedAnswer[],
  expected: Expectation,
  { margin, classShift }: WatchBounds,
): string | undefined {
  const labels = Object.keys(expected.classes)
  const each = alpha / (3 + 2 * labels.length)
  const exceeds = (values: readonly number[], mean: number): boolean => exceeded(values, mean, each)
  const some = blocks.filter(({ posts, failed }) => posts + failed > 0)
  const scored = some.filter(({ posts }) => posts > 0)

  const { values, scale } = losses(answers)
  if (exceeds(values, (1 + margin / scale) / 2)) {
    const right = answers.filter((answer) => answer.right).length
    const before = answers.filter((answer) => answer.previousRight).length
    return `of ${answers.length} labelled posts it is right on ${right}, the version before on ${before}`
  }
  const failures = some.map(({ posts, failed }) => failed / (posts + failed))
  if (exceeds(failures, mostErrors)) return `it fails on ${percent(mean(failures))} of the posts`
  const doubts = scored.map(({ confidence }) => 1 - confidence)
  if (exceeds(doubts, clamped(1 - expected.confidence + margin))) {
    return `its estimated accuracy is ${percent(1 - mean(doubts))}, ${percent(expected.confidence)} was expected`
  }
  for (const label of labels) {
    const before = expected.classes[label] ?? 0
    const shares = scored.map(({ classes }) => classes[label] ?? 0)
    const more = before + classShift < 1 && exceeds(shares, clamped(before + classShift))
    const fewer =
      before - classShift > 0 &&
      exceeds(
        shares.map((share) => 1 - share),
        clamped(1 - before + classShift),
      )
    if (more || fewer)
      return `it answers ${label} for ${percent(mean(shares))} of the posts, ${percent(before)} was expected`
  }
  return undefined
}

/**
 * What the new champion loses on each post against the one before, (previous − new + 1) / 2, each post standing for
 * 1 / probability posts: their mean is ½ + loss of accuracy / (2 · scale).
 */
function losses(answers: readonly WatchedAnswer[]): { readonly values: readonly number[]; readonly scale: number } {
  const first = answers[0]?.selectionProbability
  const alike = answers.every(({ selectionProbability }) => selectionProbability === first)
  const scale = alike ? 1 : mostWeight
  let [sum, seen] = [0, 0]
  const values = answers.map(({ right, previousRight, selectionProbability }) => {
    const weight = 1 / selectionProbability
    const usual = seen === 0 ? weight : sum / seen // of the posts before: a bet may not know what it bets on
    sum += weight
    seen++
    const loss = Number(previousRight) - Number(right)
    return (1 + (loss * Math.min(mostWeight, weight / usual)) / (alike ? 1 : mostWeight)) / 2
  })
  return { values, scale }
}

function exceeded(values: readonly number[], mean: number, error: number): boolean {
  const test = betting({ mean, alpha: error })
  let state = test.initial()
  for (const value of values) {
    const next = test.step(state, Math.min(1, Math.max(0, value)))
    if (next.verdict === 'drift') return true
    state = next.state
  }
  return false
}

const clamped = (mean: number): number => Math.min(0.999, Math.max(0.001, mean))
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
