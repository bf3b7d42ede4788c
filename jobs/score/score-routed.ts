import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { stopwatch } from '../../dataflow/metrics.ts'
import type { Scored, Scorer } from '../../inference/scorer.ts'
import { holds, slotOf } from '../../models/registry/slots.ts'
import type { Post } from '../../text/post.ts'
import type { Contender } from './route.ts'
import type { Lease } from './swap.ts'

/** What became of a post. */
export interface Routed {
  readonly result: Scored | DriftlineError
  readonly model: Scorer
  /** The version whose post it was, when `model` stood in for it; else 0. */
  readonly stoodInFor: number
}

/** A canary that has not answered this long after the champion would have is not waited for, in milliseconds. */
const patience = { leastMs: 250, times: 4 }

/**
 * Scores posts, each by the canary that its slot belongs to, or else by the champion. What a canary cannot score, because it
 * fails, is gone or takes too long, the champion scores: a canary loses no post, and delays none by more than its patience.
 */
export class RoutedScoring {
  readonly #clock: Clock
  /** What the champion took for a post lately, in milliseconds. */
  #championMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async score(posts: readonly Post[], { scorer, contenders }: Pick<Lease, 'scorer' | 'contenders'>): Promise<Routed[]> {
    const canaries = contenders.filter(({ mode, slots }) => mode === 'canary' && slots.length > 0)
    if (canaries.length === 0) return (await this.#byChampion(scorer, posts)).map(champions(scorer))
    const sides = new Map<Contender | undefined, number[]>([[undefined, []]])
    for (const canary of canaries) sides.set(canary, [])
    for (const [at, { id }] of posts.entries()) {
      const slot = slotOf(id)
      sides.get(canaries.find(({ slots }) => holds(slots, slot)))?.push(at)
    }
    const pick = (indexes: readonly number[]) => indexes.flatMap((at) => posts[at] ?? [])
    const routed = new Array<Routed>(posts.length)
    const own = sides.get(undefined) ?? []
    const byChampion = this.#byChampion(scorer, pick(own))
    byChampion.catch(() => undefined) // thrown below, once the canaries are back
    const byCanary = await Promise.all(
      canaries.map(async (canary) => {
        const indexes = sides.get(canary) ?? []
        return { canary, indexes, results: await this.#byCanary(canary, pick(indexes), byChampion) }
      }),
    )
    const championResults = await byChampion
    for (const [nth, at] of own.entries()) {
      const result = championResults[nth]
      if (result !== undefined) routed[at] = { result, model: scorer, stoodInFor: 0 }
    }
    await Promise.all(
      byCanary.map(async ({ canary, indexes, results }) => {
        const failed = indexes.filter((_, nth) => !isScored(results?.[nth]))
        const standIns = await this.#byChampion(scorer, pick(failed))
        const { version } = canary.live.scorer
        for (const [nth, at] of failed.entries()) {
          const result = standIns[nth]
          if (result !== undefined) routed[at] = { result, model: scorer, stoodInFor: version }
        }
        for (const [nth, at] of indexes.entries()) {
          const result = results?.[nth]
          if (isScored(result)) routed[at] = { result, model: canary.live.scorer, stoodInFor: 0 }
        }
        const mine = indexes.flatMap((at) => routed[at] ?? [])
        canary.watch.observe(observed(mine, championResults.filter(isScored)))
      }),
    )
    return routed
  }

  async #byChampion(scorer: Scorer, posts: readonly Post[]): Promise<readonly (Scored | DriftlineError)[]> {
    if (posts.length === 0) return []
    const startedMs = stopwatch()
    const results = await scorer.score(posts.map(({ text }) => text))
    if (results.length !== posts.length)
      throw new Error(`the scorer returned ${results.length} results for ${posts.length} texts`)
    const eachMs = (stopwatch() - startedMs) / posts.length
    this.#championMs = this.#championMs === 0 ? eachMs : 0.9 * this.#championMs + 0.1 * eachMs
    return results
  }

  /** `undefined` for a canary that gave nothing in time, or nothing of use. */
  async #byCanary(
    { live: { scorer } }: Contender,
    posts: readonly Post[],
    byChampion: Promise<unknown>,
  ): Promise<readonly (Scored | DriftlineError)[] | undefined> {
    if (posts.length === 0) return []
    let answer: readonly (Scored | DriftlineError)[] | undefined
    const answered = new AbortController()
    const scored = scorer
      .score(posts.map(({ text }) => text))
      .then(
        (results) => {
          if (results.length === posts.length) answer = results
        },
        () => undefined, // its pool is closed, or all of its threads are gone: as good as an error for each post
      )
      .finally(() => answered.abort())
    const startedMs = stopwatch()
    await Promise.race([scored, byChampion]).catch(() => undefined)
    const usualMs = Math.max(stopwatch() - startedMs, this.#championMs * posts.length)
    const patienceMs = Math.max(patience.leastMs, patience.times * usualMs)
    if (!answered.signal.aborted) {
      await this.#clock.sleep(patienceMs, answered.signal).catch(() => undefined)
      await nextTurn() // when this thread itself was held up, an answer may be waiting behind the alarm
    }
    return answer
  }
}

const champions = (model: Scorer) => (result: Scored | DriftlineError) => ({ result, model, stoodInFor: 0 })

const isScored = (result: Scored | DriftlineError | undefined): result is Scored =>
  result !== undefined && !(result instanceof DriftlineError)

/** What a canary's guard is told of its posts of a batch. */
function observed(mine: readonly Routed[], champion: readonly Scored[]) {
  const scored = mine.flatMap(({ result, stoodInFor }) => (stoodInFor === 0 && isScored(result) ? [result] : []))
  return {
    // A post that the champion cannot score either is the post's fault.
    failures: mine.flatMap(({ result, stoodInFor }) => (isScored(result) ? [stoodInFor !== 0] : [])),
    // Posts of one batch, so that a mix that changes with time changes both.
    pairs: scored.slice(0, champion.length).map(({ label }, nth) => [label, champion[nth]?.label ?? ''] as const),
    challengerUs: scored.map(({ inferenceUs }) => inferenceUs),
    championUs: champion.map(({ inferenceUs }) => inferenceUs),
  }
}
