import { compare, comparePosts, type SmallestEffects } from './check.ts'
import { type Judged, judge, overall } from './judge.ts'
import type { Outcome } from './outcome.ts'
import type { Live, Reference } from './reference.ts'
import { type Summary, sumOf } from './summary.ts'

/** Consecutive stretches, with about equally many posts each, into which a window is cut. */
export const liveStretches = 8
/** Neighbouring stretches that are left out together, so that a burst on the border of two is left out whole. */
const leftOut = 2

/**
 * The outcomes with the largest p that is left when any quarter of the window is taken away: what it takes for a change to be
 * there all along.
 *
 * A crowd that repeats one post for ten minutes changes the window and is no drift. How often such bursts come the baseline
 * tells only if it holds enough of them: 100 of its blocks cannot bear out a p of 1 in 10,000, and in a stream of short
 * bursts 3 % of windows held one like which the baseline had none. So a burst is told by its shortness: leaving it out leaves nothing
 * (the delete-a-group jackknife, Kott 2001, Journal of Official Statistics 17, 521–526, used for the worst group and not for
 * the variance). Every p is that of a test, so the largest of them promises no less; a lasting change loses a quarter of its posts.
 *
 * Statistics of labels stay: labels are few, and seldom of neighbours.
 */
export function lasting(
  outcomes: readonly Outcome[],
  reference: Reference,
  live: Live,
  smallest: SmallestEffects,
): readonly Outcome[] {
  const without = leaveOuts(live).map(
    (rest) => new Map(comparePosts(reference, rest, smallest).outcomes.map((one) => [keyOf(one), one])),
  )
  return outcomes.map((outcome) => {
    const { p, decides, about } = outcome
    if (p === undefined || !decides || about === 'labels') return outcome
    return { ...outcome, p: without.reduce((most, rest) => Math.max(most, rest.get(keyOf(outcome))?.p ?? 1), p) }
  })
}

const keyOf = ({ segment, statistic }: Outcome): string => `${segment} ${statistic}`

/** The window without each run of stretches; none where it has a single one, as when all posts are of one moment. */
function leaveOuts(live: Live): readonly Live[] {
  const stretches = live.stretches.get('')?.length ?? 0
  const gone = Math.min(leftOut, stretches - 1)
  if (gone < 1) return []
  return Array.from({ length: stretches - gone + 1 }, (_, first): Live => {
    const stays = (at: number) => at < first || at >= first + gone
    const segments = new Map<string, Summary>()
    for (const name of live.segments.keys()) {
      const rest = sumOf((live.stretches.get(name) ?? []).filter((_one, at) => stays(at)))
      if (rest.posts > 0) segments.set(name, rest)
    }
    return { ...live, segments, sample: live.sample.filter(({ block }) => stays(block)) }
  })
}

export interface WindowJudged {
  readonly statistics: readonly Judged[]
  /** What would have been an alarm or a warning if it had been there all along: the strongest first. */
  readonly bursts: readonly Judged[]
}

/** Compares a window and judges what lasts. Leaving out is done only where there is something to leave out. */
export function judgeWindow(reference: Reference, live: Live, smallest: SmallestEffects, alpha: number): WindowJudged {
  const outcomes = compare(reference, live, smallest)
  const first = judge(outcomes, alpha)
  if (overall(first) === 'ok') return { statistics: first, bursts: [] }
  const statistics = judge(lasting(outcomes, reference, live, smallest), alpha)
  const bursts = first.filter(
    ({ verdict, outcome }, at) => outcome.decides && verdict !== 'ok' && statistics[at]?.verdict === 'ok',
  )
  return { statistics, bursts: bursts.sort((a, b) => (a.adjusted ?? 1) - (b.adjusted ?? 1)) }
}
