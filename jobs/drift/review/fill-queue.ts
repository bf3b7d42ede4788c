import type { ClickHouseClient } from '@clickhouse/client'
import { insertReviews } from '../../../clickhouse/labels.ts'
import { select } from '../../../clickhouse/queries.ts'
import type { Strategy } from '../../../clickhouse/rows/labels.ts'
import type { Clock } from '../../../core/clock.ts'
import type { Random } from '../../../core/random.ts'
import type { CheckResult } from '../check-result.ts'
import { type Budget, choose, defaultBudget, scaled } from './design.ts'

export interface FillQueue {
  readonly client: ClickHouseClient
  /** The check that needs labels: its posts are asked about. */
  readonly check: Pick<CheckResult, 'checkId' | 'window' | 'modelName' | 'modelVersion'>
  /** Of the model, in the order of its probabilities. */
  readonly classes: readonly string[]
  /** How typical a text is of what changed, ≥ 0; without it nothing is asked for that reason. */
  readonly typicality?: ((text: string) => number) | undefined
  /** Most posts to ask about, by strategy; default 100 together. */
  readonly budget?: Budget
  /** Most posts that may wait for an answer, default 500. A queue that nobody works off is not made longer. */
  readonly capacity?: number
  /** Most posts that are looked at, default 20,000: of a larger window a random share. */
  readonly candidates?: number
  readonly random: Random
  readonly clock: Clock
  readonly signal?: AbortSignal
}

export interface Filled {
  readonly queued: number
  readonly byStrategy: Readonly<Partial<Record<Strategy, number>>>
  /** Posts of the window that nobody was asked about before. */
  readonly population: number
  /** Posts that wait for an answer now. */
  readonly open: number
  /** Why nothing was queued, where that is so. */
  readonly reason?: 'asked before' | 'the queue is full' | 'no posts'
}

/**
 * Asks for labels: puts posts of a check's window into the review queue, each with the probability with which it was
 * chosen, so that accuracy estimated from the answers is unbiased. A post that is queued or labelled already is left
 * out, and a check asks once, so that repeating the call after a crash changes nothing. One caller at a time.
 *
 * Of a window with more posts than `candidates` a share is looked at first, chosen by a hash of id and check; that share and
 * the probability within it multiply (two-phase sampling, Särndal et al. 1992, chapter 9).
 *
 * @throws DriftlineError `SINK_UNAVAILABLE`, `WRITE_REJECTED`
 */
export async function fillQueue(options: FillQueue): Promise<Filled> {
  const { client, check, classes, typicality, random, clock, signal } = options
  const { budget = defaultBudget, capacity = 500, candidates: most = 20_000 } = options
  const [waiting] = await select(client, 'review_open', { check_id: check.checkId }, signal)
  const open = waiting?.open ?? 0
  const nothing = { queued: 0, byStrategy: {}, population: 0, open }
  if ((waiting?.asked ?? 0) > 0) return { ...nothing, reason: 'asked before' }
  const wanted = Object.values(budget).reduce((sum, posts) => sum + posts, 0)
  const allowed = Math.min(wanted, capacity - open)
  if (allowed <= 0) return { ...nothing, reason: 'the queue is full' }

  const window = {
    model_name: check.modelName,
    model_version: check.modelVersion,
    from_ms: check.window.from,
    to_ms: check.window.to,
  }
  const population = (await select(client, 'review_population', window, signal))[0]?.posts ?? 0
  if (population === 0) return { ...nothing, reason: 'no posts' }
  const share = Math.min(1, most / population)
  const posts = await select(client, 'review_candidates', { ...window, seed: check.checkId, share }, signal)
  const typical = typicality === undefined ? undefined : posts.map(({ text }) => typicality(text))
  const chosen = choose(posts, allowed === wanted ? budget : scaled(budget, allowed), typical, random)

  const byStrategy: Partial<Record<Strategy, number>> = {}
  const now = clock.now()
  const rows = chosen.flatMap(({ at, strategy, probability }) => {
    const post = posts[at]
    if (post === undefined) return []
    byStrategy[strategy] = (byStrategy[strategy] ?? 0) + 1
    const { event_at_ms: event_at, ...rest } = post
    return {
      ...rest,
      event_at,
      queued_at: now,
      check_id: check.checkId,
      model_name: check.modelName,
      model_version: check.modelVersion,
      classes,
      strategy,
      selection_probability: share * probability,
    }
  })
  await insertReviews(client, rows, signal)
  return { queued: rows.length, byStrategy, population, open: open + rows.length }
}
