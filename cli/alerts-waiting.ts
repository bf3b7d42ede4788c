import type { EventLog } from '../connectors/event-log.ts'
import { openEventLog } from '../connectors/open-log.ts'
import type { Clock } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import type { Log } from '../core/log.ts'
import { readStatuses } from '../core/status.ts'
import { readLag } from '../dashboard/server/lag.ts'
import type { Waiting } from '../jobs/alerts/look.ts'

/** What waits to be scored, as the dashboard measures it. The log is opened at the first use, and anew after a failure. */
export function waitingPosts(config: Config, log: Log, clock: Clock) {
  let opened: EventLog | undefined
  return {
    async read(): Promise<Waiting> {
      opened ??= await openEventLog(config, log)
      const used = opened
      try {
        const now = clock.now()
        const statuses = await readStatuses(config.data, now)
        const scoring = statuses.flatMap(({ job, status }) => (job === 'score' ? (status?.partitions ?? []) : []))
        const { topic, partitions } = await readLag(used, config.topic, scoring, [], now)
        return {
          topic,
          posts: partitions.reduce((sum, { lag }) => sum + lag, 0),
          seconds: Math.max(0, ...partitions.map(({ lagSeconds }) => lagSeconds)),
        }
      } catch (error) {
        if (opened === used) opened = undefined
        await used[Symbol.asyncDispose]()
        throw error
      }
    },
    [Symbol.asyncDispose]: async () => opened?.[Symbol.asyncDispose](),
  }
}
