import type { NewestPost } from '../protocol.ts'

/** Posts that the list shows at most, and takes in per second: more than a few a second nobody can read. */
export const listLength = 40
const perSecond = 2
const mostAtOnce = 8

export interface Sample {
  /** Newest first. */
  readonly shown: readonly NewestPost[]
  /** Posts that may be taken in now, a fraction of one included. */
  readonly budget: number
  readonly atMs: number
}

export const emptySample: Sample = { shown: [], budget: 0, atMs: 0 }

/**
 * Lets newer posts into the list at a pace that can be read. While fewer than two a second come, it shows them all.
 *
 * @param newest newest first, as the server sends them
 */
export function advance(sample: Sample, newest: readonly NewestPost[], nowMs: number): Sample {
  const [first] = sample.shown
  if (first === undefined) return { shown: newest.slice(0, listLength), budget: 0, atMs: nowMs }
  const budget = Math.min(mostAtOnce, sample.budget + (Math.max(0, nowMs - sample.atMs) / 1000) * perSecond)
  const keys = new Set(sample.shown.map(({ key }) => key))
  const fresh = newest.filter(({ key, scoredAtMs }) => scoredAtMs >= first.scoredAtMs && !keys.has(key))
  const taken = fresh.slice(0, Math.floor(budget))
  if (taken.length === 0) return { ...sample, budget, atMs: nowMs }
  return { shown: [...taken, ...sample.shown].slice(0, listLength), budget: budget - taken.length, atMs: nowMs }
}
