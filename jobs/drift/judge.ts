import type { Verdict } from '../../clickhouse/rows/drift.ts'
import { holm } from '../../stats/holm.ts'
import type { Outcome } from './outcome.ts'

/** "At most `alarms` false ones in `days`", and how many checks there are in that time. */
export interface Budget {
  readonly alarms: number
  readonly days: number
  /** Checks in `days`; windows may overlap, since expected numbers add up however checks depend on each other. */
  readonly checks: number
}

/** A warning comes so many times as often as an alarm may, without a change. */
const warningsPerAlarm = 10

/** The probability that one check may raise an alarm when nothing has changed. */
export const significance = ({ alarms, checks }: Budget): number => Math.min(0.5, alarms / Math.max(1, checks))

export interface Judged {
  readonly outcome: Outcome
  readonly verdict: Verdict
  /** p of the whole check if this were its only alarm: to be compared with the check's significance. */
  readonly adjusted: number | undefined
  /** The value from which the statistic is an alarm whatever the others say. */
  readonly threshold: number
}

/**
 * Which statistics raise an alarm. The whole stream and its segments share the check's significance in halves, within a
 * half Holm's procedure shares it among the tests: the probability that any of them is a false alarm stays below it,
 * however they depend on each other. And a change that is too small to matter is none.
 */
export function judge(outcomes: readonly Outcome[], alpha: number): readonly Judged[] {
  const families = [true, false].map((whole) =>
    outcomes.filter(({ decides, p, segment }) => decides && p !== undefined && (segment === '') === whole),
  )
  const used = families.filter((family) => family.length > 0).length
  const adjusted = new Map<Outcome, number>()
  for (const family of families) {
    const values = holm(family.map(({ p = 1 }) => p))
    family.forEach((outcome, at) => {
      adjusted.set(outcome, Math.min(1, used * (values[at] ?? 1)))
    })
  }
  return outcomes.map((outcome) => {
    const family = families[outcome.segment === '' ? 0 : 1] ?? []
    const share = alpha / Math.max(1, used * family.length)
    const p = adjusted.get(outcome)
    return { outcome, verdict: verdictOf(outcome, p, alpha, share), adjusted: p, threshold: outcome.thresholdAt(share) }
  })
}

function verdictOf(outcome: Outcome, adjusted: number | undefined, alpha: number, share: number): Verdict {
  if (outcome.effect < outcome.smallestEffect) return 'ok'
  if (adjusted === undefined) return outcome.p !== undefined && outcome.p <= share ? 'warning' : 'ok'
  if (adjusted <= alpha) return 'drift'
  return adjusted <= Math.min(0.2, warningsPerAlarm * alpha) ? 'warning' : 'ok'
}

/** What the statistics that decide say together. */
export function overall(judged: readonly Judged[]): Verdict {
  const deciding = judged.filter(({ outcome }) => outcome.decides).map(({ verdict }) => verdict)
  return deciding.includes('drift') ? 'drift' : deciding.includes('warning') ? 'warning' : 'ok'
}
