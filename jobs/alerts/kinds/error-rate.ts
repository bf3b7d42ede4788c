import type { Look } from '../look.ts'

/** Posts that became dead posts, as a share of all that were scored or refused, by the time it happened. */
export const errorRate: Look<'errorRate'> = async (rule, { select }, nowMs) => {
  const window = { from_ms: nowMs - rule.windowSeconds * 1000, to_ms: nowMs }
  const [row = { scored: 0, dead: 0, codes: {} }] = await select('alert_errors', window)
  const { scored, dead, codes } = row
  const posts = scored + dead
  if (posts < rule.minPosts) {
    return { findings: [], note: `${posts} posts in ${rule.windowSeconds} s; ${rule.minPosts} are needed to judge` }
  }
  const value = dead / posts
  const [worst] = Object.entries(codes).sort(([, a], [, b]) => b - a)
  const most = worst === undefined ? '' : `, most with ${worst[0]}`
  return {
    findings: [
      {
        group: { by: '', name: '' },
        holds: value > rule.above,
        value,
        threshold: rule.above,
        summary: `${dead} of ${posts} posts (${percent(value)}) failed in ${rule.windowSeconds} s${most} (limit ${percent(rule.above)})`,
        details: { posts, dead, codes, ...window },
      },
    ],
    note: '',
  }
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
