import { createTask, parse, type ScheduledTask, validateDetailed } from 'node-cron'
import { DriftlineError } from '../../core/errors.ts'

/** When checks are due, in UTC: neither a clock change nor a time zone can double, shift or swallow one. */
export interface Schedule {
  /** The newest due time at or before a time; `undefined` when there was none in the eight years before. */
  atOrBefore(ms: number): number | undefined
  /** The next due time after it. */
  after(ms: number): number | undefined
}

const dayMs = 86_400_000
/** 29 February comes after eight years at the latest. */
const mostDays = 8 * 366

/**
 * A cron expression as due times that can be asked for, instead of timers: a job that looks at the clock once a second
 * catches up what it slept through and takes any change of the clock as it comes. node-cron says what the expression means;
 * which days match is asked of it for each day, the times of a day are its fields.
 *
 * @param expression five fields, or six with seconds in front
 * @throws DriftlineError `CONFIG_INVALID`
 */
export function schedule(expression: string): Schedule {
  const { valid, errors } = validateDetailed(expression)
  if (!valid) {
    const reason = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
    throw new DriftlineError('CONFIG_INVALID', { key: 'driftSchedule', value: expression, reason })
  }
  const { second, minute, hour } = parse(expression)
  // Never started: it only says which days match.
  const task: ScheduledTask = createTask(expression, () => undefined, { timezone: 'UTC' })
  void task.destroy() // node-cron keeps every task until then; this one matches days all the same
  const times = [...new Set(hour)]
    .sort(ascending)
    .flatMap((h) =>
      [...new Set(minute)]
        .sort(ascending)
        .flatMap((m) => [...new Set(second)].sort(ascending).map((s) => ((h * 60 + m) * 60 + s) * 1000)),
    )
  const [earliest = 0] = times
  const isDue = (day: number) => task.match(new Date(day * dayMs + earliest))
  return {
    atOrBefore(ms) {
      const today = Math.floor(ms / dayMs)
      for (let day = today; day > today - mostDays; day--) {
        const time = isDue(day) ? times.findLast((at) => day * dayMs + at <= ms) : undefined
        if (time !== undefined) return day * dayMs + time
      }
      return undefined
    },
    after(ms) {
      const today = Math.floor(ms / dayMs)
      for (let day = today; day < today + mostDays; day++) {
        const time = isDue(day) ? times.find((at) => day * dayMs + at > ms) : undefined
        if (time !== undefined) return day * dayMs + time
      }
      return undefined
    },
  }
}

const ascending = (a: number, b: number): number => a - b

/** How many checks fall into so many days, at least one: from the next 500, so that rare ones are not missed. */
export function driftChecksIn(expression: string, days: number, fromMs: number): number {
  const { after } = schedule(expression)
  const end = fromMs + days * dayMs
  let [checks, at] = [0, fromMs]
  while (checks < 500) {
    const next = after(at)
    if (next === undefined || next > end) return Math.max(1, checks)
    at = next
    checks++
  }
  return Math.max(1, Math.round((checks * days * dayMs) / (at - fromMs)))
}
