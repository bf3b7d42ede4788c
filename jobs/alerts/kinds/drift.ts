import { Verdict } from '../../../clickhouse/rows/drift.ts'
import type { Finding } from '../alert.ts'
import type { Look } from '../look.ts'

const rank = (verdict: Verdict): number => Verdict.options.indexOf(verdict)

/** The newest drift check of the model. `value` and `threshold` are verdicts as numbers: 0 ok, 1 warning, 2 drift. */
export const drift: Look<'drift'> = async (rule, { select, model }, nowMs) => {
  const [check] = await select('alert_drift', { model_name: model })
  const group = { by: 'model', name: model } as const
  const threshold = rank(rule.verdict)
  const stale = (summary: string, details: Finding['details']): Finding => ({
    group,
    holds: true,
    value: 0,
    threshold,
    summary,
    details,
  })
  if (check === undefined) {
    const note = `${model} has not been checked yet`
    return rule.staleSeconds > 0 ? { findings: [stale(note, {})], note: '' } : { findings: [], note }
  }
  const ageSeconds = Math.max(0, nowMs - check.checked_at_ms) / 1000
  const details = {
    checkId: check.check_id,
    checkedAt: new Date(check.checked_at_ms).toISOString(),
    modelVersion: check.model_version,
    verdict: check.verdict,
    state: check.state,
    estimateFailed: check.estimate_failed,
  }
  if (rule.staleSeconds > 0 && ageSeconds > rule.staleSeconds) {
    const summary = `the newest drift check of ${model} is ${Math.round(ageSeconds)} s old, more than ${rule.staleSeconds} s`
    return { findings: [stale(summary, details)], note: '' }
  }
  const value = rank(check.verdict)
  const failed = rule.estimateFailed && check.estimate_failed
  const said = `${model} version ${check.model_version}: ${check.headline}`
  const summary = failed ? `${said}; labels show that the estimated accuracy is wrong` : said
  return { findings: [{ group, holds: value >= threshold || failed, value, threshold, summary, details }], note: '' }
}
