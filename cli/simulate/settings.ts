import type { Config } from '../../core/config.ts'
import { environmentName } from '../../core/config.ts'

export interface Pace {
  /** Posts per second after the change. */
  readonly rate: number
  /** Posts before the change. */
  readonly before: number
  /** Posts after it. */
  readonly after: number
  /** Share of the posts that get a label. */
  readonly labels: number
  /** Posts of a drift window. */
  readonly window: number
}

const checkEverySeconds = 5

/** The settings of all parts: what takes days in production takes minutes here, in the same proportions. */
export function simulationSettings({
  rate,
  before,
  after,
  labels,
  window,
}: Pace): Partial<Record<keyof Config, string>> {
  // Two thirds of what the replay will have labelled, so that a third is left to see the new version at work.
  const minLabels = Math.max(100, Math.round(0.6 * labels * after))
  const recentSeconds = (minLabels / (labels * rate)) * 1.1 + 10
  return {
    driftSchedule: `*/${checkEverySeconds} * * * * *`,
    // 720 checks share the budget of one false alarm, as a month of hourly ones does.
    driftAlarms: '1',
    driftAlarmDays: String((720 * checkEverySeconds) / 86_400),
    driftWindowSeconds: String(Math.max(5, Math.ceil(window / rate))),
    driftMinPosts: String(Math.min(window, 300)),
    driftBaselinePosts: String(Math.round(before * 0.6)),
    driftBaselineSeconds: '0',
    driftLatenessSeconds: '2',
    promotion: 'auto',
    retrainMinLabels: String(minLabels),
    retrainRecentHours: String(recentSeconds / 3600),
    retrainCoolDownMinutes: '0.5',
    retrainMaxPerDay: '20',
    retrainMaxMinutes: '3',
    canaryShare: '0.3',
    canaryMinutes: '0.1',
    canaryPosts: '200',
    watchMinutes: '0.25',
  }
}

export const asEnvironment = (settings: Partial<Record<keyof Config, string>>): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(settings).map(([key, value]) => [environmentName(key), value]))
