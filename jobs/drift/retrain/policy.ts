import type { Config } from '../../../core/config.ts'
import type { CheckResult } from '../check-result.ts'
import { awaitsPerson, isActive, type RetrainingDocument } from './state.ts'

const minuteMs = 60_000
export const dayMs = 24 * 60 * minuteMs

export interface Situation {
  readonly document: RetrainingDocument
  readonly check: Pick<CheckResult, 'verdict' | 'checkId'> | undefined
  /** Recent posts with a usable label. */
  readonly labels: number
  readonly nowMs: number
}

export type PolicySettings = Pick<Config, 'retrainMinLabels' | 'retrainCoolDownMinutes' | 'retrainMaxPerDay'>

export interface Decision {
  readonly retrain: boolean
  /** One sentence for a person, either way. */
  readonly reason: string
}

/** Whether drift calls for a retraining now. Pure: the same situation decides the same. */
export function decide({ document, check, labels, nowMs }: Situation, settings: PolicySettings): Decision {
  const no = (reason: string): Decision => ({ retrain: false, reason })
  const { current, begun } = document
  if (current !== null && isActive(current) && !awaitsPerson(current))
    return no(`retraining ${current.id} is ${current.state}`)
  if (check === undefined) return no('no check asked for it')
  if (check.verdict !== 'drift') return no(`check ${check.checkId} says ${check.verdict}`)
  const coolUntil = current === null ? 0 : Date.parse(current.since) + settings.retrainCoolDownMinutes * minuteMs
  if (nowMs < coolUntil) return no(`cooling down until ${new Date(coolUntil).toISOString()}`)
  const cap = overCap(begun, nowMs, settings.retrainMaxPerDay)
  if (cap !== undefined) return no(cap)
  if (labels < settings.retrainMinLabels) {
    return no(`${labels} recent labels, ${settings.retrainMinLabels} are needed: answer what is in the review queue`)
  }
  return { retrain: true, reason: `check ${check.checkId} says drift, and there are ${labels} recent labels` }
}

/** The reason why no more trainings may begin now, if there is one. */
export function overCap(begun: RetrainingDocument['begun'], nowMs: number, mostPerDay: number): string | undefined {
  const recent = begun.filter((at) => nowMs - Date.parse(at) < dayMs)
  return recent.length < mostPerDay ? undefined : `${recent.length} trainings began within 24 hours, the most that may`
}
