import type { Config } from '../../core/config.ts'
import type { SmallestEffects } from './check.ts'

/** What the configuration says about checks; times in milliseconds. */
export interface DriftSettings {
  /** Cron expression, UTC. */
  readonly schedule: string
  readonly alarms: number
  readonly alarmDays: number
  readonly windowMs: number
  readonly minPosts: number
  readonly baselinePosts: number
  readonly baselineMs: number
  readonly latenessMs: number
  readonly segments: number
  readonly smallest: SmallestEffects
}

/** One more percent of tokens that the model does not know. */
const smallestUnknown = 0.01
/** Words that tell a window from the baseline in 55 instead of 50 % of pairs. */
const smallestWords = 0.05
/** One more percent of words that the baseline does not hold. */
const smallestNewWords = 0.01

export const driftSettings = (config: Config): DriftSettings => ({
  schedule: config.driftSchedule,
  alarms: config.driftAlarms,
  alarmDays: config.driftAlarmDays,
  windowMs: config.driftWindowSeconds * 1000,
  minPosts: config.driftMinPosts,
  baselinePosts: config.driftBaselinePosts,
  baselineMs: config.driftBaselineSeconds * 1000,
  latenessMs: config.driftLatenessSeconds * 1000,
  segments: config.driftSegments,
  smallest: {
    share: config.driftMinShift,
    accuracy: config.driftMinAccuracyDrop,
    unknown: smallestUnknown,
    words: smallestWords,
    newWords: smallestNewWords,
  },
})
