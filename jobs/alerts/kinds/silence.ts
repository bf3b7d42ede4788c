import type { Finding } from '../alert.ts'
import type { Look } from '../look.ts'
import { groupOf, nameOf } from '../names.ts'

const minuteMs = 60_000

/**
 * For how long no post has come, by event time to the minute. While posts wait to be scored it is not known what they are:
 * then silence ends where the oldest of them came, so that a score job that stands still is no silence of its sources.
 */
export const silence: Look<'silence'> = async (rule, { select, waiting }, nowMs) => {
  const { posts, seconds } = await waiting()
  const knownMs = posts === 0 ? nowMs : nowMs - seconds * 1000
  const fromMs = nowMs - rule.memoryHours * 60 * minuteMs
  const rows = await select('alert_silence', {
    by: rule.by,
    only: rule.only ?? [],
    from_ms: Math.round(fromMs),
    to_ms: Math.round(nowMs),
    groups: rule.maxGroups,
  })
  const last = new Map(rows.map((row) => [row.name, row.last_minute_ms + minuteMs]))
  const names = rule.by === 'all' ? [''] : new Set([...(rule.only ?? []), ...last.keys()])
  const findings = [...names].map((name): Finding => {
    const group = groupOf(rule.by, name)
    const lastMs = last.get(name)
    const silent = Math.max(0, (knownMs - (lastMs ?? fromMs)) / 1000)
    const atLeast = lastMs === undefined ? 'at least ' : ''
    return {
      group,
      holds: silent > rule.seconds,
      value: silent,
      threshold: rule.seconds,
      summary: `no post of ${nameOf(group)} for ${atLeast}${silent.toFixed(0)} s (limit ${rule.seconds} s)`,
      details: { lastMinute: lastMs === undefined ? null : new Date(lastMs - minuteMs).toISOString(), waiting: posts },
    }
  })
  return {
    findings,
    note: posts === 0 ? '' : `${posts} posts wait to be scored: judged as of ${seconds.toFixed(0)} s ago`,
  }
}
