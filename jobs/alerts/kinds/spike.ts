import type { QueryRow } from '../../../clickhouse/queries.ts'
import type { RuleOf } from '../../../core/alert-settings.ts'
import { benjaminiHochberg } from '../../../stats/benjamini-hochberg.ts'
import { type AgainstSeasons, countAgainstSeasons, shareAgainstSeasons } from '../../../stats/seasonal.ts'
import type { Finding } from '../alert.ts'
import type { Look, Looked, World } from '../look.ts'
import { groupOf, nameOf, onlyOf } from '../names.ts'

const minuteMs = 60_000
const dayMs = 86_400_000

/**
 * A window of whole minutes against the same one of past seasons (stats/seasonal.ts). Windows follow one another, so each
 * post is judged once, and the window before stays the answer until the next is complete.
 *
 * The budget gives each window, with all its groups together, a significance of falseAlarmsPerDay / windows per day; which
 * groups are beyond it is Benjamini and Hochberg's decision: when nothing has changed, any group alarms with at most that
 * chance, and when something has, at most that share of the alarms is false. A rise below `minRatio` is no alarm however sure.
 */
export const spike: Look<'spike'> = async (rule, { select, judged }, nowMs) => {
  const length = rule.windowMinutes * minuteMs
  const to = Math.floor((nowMs - rule.latenessSeconds * 1000) / length) * length
  const before = judged.get(rule.name)
  if (before?.windowEnd === to) return before.looked
  const looked = await judge(rule, select, to)
  judged.set(rule.name, { windowEnd: to, looked })
  return looked
}

async function judge(rule: RuleOf<'spike'>, select: World['select'], to: number): Promise<Looked> {
  const length = rule.windowMinutes * minuteMs
  const seasonMinutes = Math.round(rule.seasonHours * 60)
  const when = { from_ms: to - length, to_ms: to, season_minutes: seasonMinutes, periods: rule.periods }
  const [known, rows] = await Promise.all([
    select('alert_seasons', when),
    select('alert_spike', {
      ...when,
      by: rule.by,
      only: onlyOf(rule),
      label: rule.share ?? '',
      min_posts: rule.minPosts,
      groups: rule.maxGroups,
    }),
  ])
  const seasons = known.map(({ season }) => season)
  if (seasons.length < rule.minPeriods) {
    const note = `too little history: ${seasons.length} past seasons with posts at this time, ${rule.minPeriods} are needed`
    return { findings: [], note }
  }
  const compared = rows.flatMap((row) => {
    const one = rule.share === undefined ? counts(row, seasons) : shares(row, rule)
    return one === undefined ? [] : [{ row, ...one }]
  })
  const significance = Math.min(0.5, (rule.falseAlarmsPerDay * length) / dayMs)
  // Names without posts enough now were looked at too, and are no spikes: their p is 1. Which names could have been here is
  // decided by their posts in all windows together, which says nothing of how they are spread over them.
  const others = Math.max(0, (rows[0]?.candidates ?? 0) - compared.length)
  const adjusted = benjaminiHochberg([...compared.map(({ p }) => p), ...Array.from({ length: others }, () => 1)])
  const findings = compared.map((one, at): Finding => {
    const { row, value, expected, t, p } = one
    const q = adjusted[at] ?? 1
    const least = rule.minRatio * (rule.share === undefined ? Math.max(1, expected) : expected)
    const group = groupOf(rule.by, row.name)
    return {
      group,
      holds: q <= significance && value >= least,
      value,
      threshold: least,
      summary: sentence(rule, nameOf(group), row.live, value, expected),
      details: {
        posts: row.live,
        expected,
        ratio: expected > 0 ? value / expected : null,
        seasons: one.seasons,
        t,
        p,
        adjusted: q,
        significance,
        from: new Date(when.from_ms).toISOString(),
        to: new Date(to).toISOString(),
      },
    }
  })
  return { findings, note: findings.length === 0 ? `no ${rule.by === 'all' ? 'window' : rule.by} can be judged` : '' }
}

interface Compared extends AgainstSeasons {
  readonly value: number
  readonly seasons: number
}

/** In a season in which the stream had posts and the group had none, it had zero. */
function counts(row: QueryRow<'alert_spike'>, seasons: readonly number[]): Compared {
  const past = seasons.map((season) => row.past_posts[row.past_seasons.indexOf(season)] ?? 0)
  return { ...countAgainstSeasons(row.live, past), value: row.live, seasons: past.length }
}

/** A share is known only in seasons in which the group had posts enough. */
function shares(row: QueryRow<'alert_spike'>, { minPosts, minPeriods }: RuleOf<'spike'>): Compared | undefined {
  const past = row.past_posts
    .map((posts, at) => ({ of: row.past_chosen[at] ?? 0, posts }))
    .filter(({ posts }) => posts >= minPosts)
  if (past.length < minPeriods) return undefined
  const compared = shareAgainstSeasons({ of: row.live_chosen, posts: row.live }, past)
  return { ...compared, value: row.live_chosen / row.live, seasons: past.length }
}

function sentence(rule: RuleOf<'spike'>, name: string, posts: number, value: number, expected: number): string {
  const over = `in ${rule.windowMinutes} min`
  if (rule.share === undefined) return `${posts} posts of ${name} ${over}, ${expected.toFixed(1)} were expected`
  return `${percent(value)} of ${posts} posts of ${name} ${over} are ${rule.share}, ${percent(expected)} were expected`
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
