import type { Clock } from '../../core/clock.ts'

export interface CountedSleeps extends Clock {
  /** Sleeps of exactly so many milliseconds that go on now. */
  asleep(ms: number): number
}

/**
 * A clock as one job sees it. What a job does for real, over sockets and files, takes longer on a busy machine: a test that moves
 * time only while the job sleeps lets none of its time limits pass because of that.
 */
export function countedSleeps(clock: Clock): CountedSleeps {
  const counts = new Map<number, number>()
  const asleep = (ms: number) => counts.get(ms) ?? 0
  return {
    now: () => clock.now(),
    async sleep(ms, signal) {
      counts.set(ms, asleep(ms) + 1)
      try {
        await clock.sleep(ms, signal)
      } finally {
        counts.set(ms, asleep(ms) - 1)
      }
    },
    asleep,
  }
}
