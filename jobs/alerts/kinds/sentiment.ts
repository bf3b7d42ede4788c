import type { QueryRow } from '../../../clickhouse/queries.ts'
import type { RuleOf } from '../../../core/alert-settings.ts'
import type { Look } from '../look.ts'
import { groupOf, nameOf, onlyOf } from '../names.ts'

/**
 * The share of a class, or the mean of numbers given to the classes, in the last `windowSeconds` of event time before
 * `latenessSeconds` ago. Groups with too few posts do not hold: so few say nothing.
 */
export const sentiment: Look<'sentiment'> = async (rule, { select }, nowMs) => {
  const to = nowMs - rule.latenessSeconds * 1000
  const from = to - rule.windowSeconds * 1000
  const rows = await select('alert_sentiment', {
    by: rule.by,
    only: onlyOf(rule),
    from_ms: Math.round(from),
    to_ms: Math.round(to),
    min_posts: rule.minPosts,
    groups: rule.maxGroups,
  })
  const findings = rows.map((row) => {
    const value = measure(rule, row)
    const over = rule.above !== undefined && value > rule.above
    const under = rule.below !== undefined && value < rule.below
    const threshold = (under || rule.above === undefined ? rule.below : rule.above) ?? 0
    const group = groupOf(rule.by, row.name)
    const what = rule.share === undefined ? 'mean' : `share of ${rule.share}`
    const limit = `limit ${under || rule.above === undefined ? 'below' : 'above'} ${threshold}`
    return {
      group,
      holds: over || under,
      value,
      threshold,
      summary: `${what} is ${value.toFixed(3)} in ${row.total} posts of ${nameOf(group)} over ${rule.windowSeconds} s (${limit})`,
      details: { posts: row.total, classes: Object.fromEntries(row.labels.map((name, at) => [name, row.counts[at]])) },
    }
  })
  const note = findings.length === 0 ? `no ${rule.by === 'all' ? 'window' : rule.by} has ${rule.minPosts} posts` : ''
  return { findings, note }
}

function measure({ share, mean = {} }: RuleOf<'sentiment'>, row: QueryRow<'alert_sentiment'>): number {
  const weight = (label: string) => (share === undefined ? (mean[label] ?? 0) : label === share ? 1 : 0)
  return row.labels.reduce((sum, label, at) => sum + weight(label) * (row.counts[at] ?? 0), 0) / row.total
}
