import { type Strategy, strategies } from '../../../clickhouse/rows/labels.ts'
import type { Random } from '../../../core/random.ts'
import { inclusionProbabilities, systematicSample, unionProbability } from '../../../stats/sampling.ts'
import { entropyDoubt, marginDoubt } from './acquisition.ts'
import { kCentre, pointOf } from './diversity.ts'

/** Posts that each strategy may ask about. */
export type Budget = Readonly<Record<Strategy, number>>

/**
 * A hundred posts. The audit slice is the largest: it alone bounds the weights of the estimate, since no post is asked
 * about with a lower probability than it gives.
 */
export const defaultBudget: Budget = { margin: 20, entropy: 10, diversity: 10, drift: 20, audit: 40 }

export interface Candidate {
  readonly text: string
  readonly probabilities: readonly number[]
}

export interface Chosen {
  /** Index of the candidate. */
  readonly at: number
  readonly strategy: Strategy
  /** Over all strategies together, above 0 to 1. */
  readonly probability: number
}

/**
 * Chooses posts to ask about, so that the probability of each is known: every strategy gives each post a probability of
 * its own, πₛ, adding up to its budget; the strategies count as independent draws, so that a post's probability is
 * π = 1 − Π (1 − πₛ); and one systematic sample is drawn with these π. Their number is therefore at most the whole budget.
 * Diversity takes its posts with certainty: which ones does not depend on chance or on any answer. The strategy that a post is
 * filed under is drawn in proportion to πₛ.
 *
 * @param typicality of the change that a check saw, ≥ 0, for each candidate; without it the drift budget goes to the audit
 */
export function choose(
  candidates: readonly Candidate[],
  budget: Budget,
  typicality: readonly number[] | undefined,
  random: Random,
): readonly Chosen[] {
  const parts = strategyProbabilities(candidates, budget, typicality)
  const union = candidates.map((_, at) => unionProbability(strategies.map((strategy) => parts[strategy][at] ?? 0)))
  return systematicSample(union, random).map((at) => {
    const shares = strategies.map((strategy) => parts[strategy][at] ?? 0)
    return { at, strategy: strategies[drawn(shares, random)] ?? 'audit', probability: union[at] ?? 0 }
  })
}

function strategyProbabilities(
  candidates: readonly Candidate[],
  budget: Budget,
  typicality: readonly number[] | undefined,
): Readonly<Record<Strategy, ArrayLike<number>>> {
  const probabilities = candidates.map((candidate) => candidate.probabilities)
  const diverse = new Float64Array(candidates.length)
  const points = budget.diversity > 0 ? candidates.map((one) => pointOf(one.text, one.probabilities)) : []
  for (const at of kCentre(points, budget.diversity)) diverse[at] = 1
  const audited = budget.audit + (typicality === undefined ? budget.drift : 0)
  return {
    margin: inclusionProbabilities(probabilities.map(marginDoubt), budget.margin),
    entropy: inclusionProbabilities(probabilities.map(entropyDoubt), budget.entropy),
    diversity: diverse,
    drift: inclusionProbabilities(typicality ?? new Float64Array(candidates.length), budget.drift),
    audit: inclusionProbabilities(new Float64Array(candidates.length).fill(1), audited),
  }
}

/** An index, in proportion to the shares. */
function drawn(shares: readonly number[], random: Random): number {
  let rest = random() * shares.reduce((sum, share) => sum + share, 0)
  return shares.findIndex((share) => {
    rest -= share
    return rest < 0
  })
}

/** A budget of `posts`, divided as `budget` is; the audit slice takes what does not divide. */
export function scaled(budget: Budget, posts: number): Budget {
  const whole = strategies.reduce((sum, strategy) => sum + budget[strategy], 0)
  const part = (strategy: Strategy) => Math.floor((budget[strategy] * posts) / Math.max(whole, 1))
  const [margin, entropy, diversity, drift] = [part('margin'), part('entropy'), part('diversity'), part('drift')]
  return { margin, entropy, diversity, drift, audit: posts - margin - entropy - diversity - drift }
}
