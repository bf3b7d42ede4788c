import type { MuteTime } from '../../core/alert-settings.ts'

const names = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
const dayMinutes = 1440

/** Whether a moment lies in one of the times, each [from, to) in UTC on its days; one over midnight belongs to the day it begins on. */
export function isMuted(times: readonly MuteTime[], nowMs: number): boolean {
  const now = new Date(nowMs)
  const minute = now.getUTCHours() * 60 + now.getUTCMinutes()
  const today = now.getUTCDay()
  const begins = (time: MuteTime, day: number) => {
    const name = names[(day + 7) % 7]
    return name !== undefined && time.days.includes(name)
  }
  return times.some((time) => {
    const from = minutesOf(time.from)
    const length = ((minutesOf(time.to) - from + dayMinutes - 1) % dayMinutes) + 1
    const since = (day: number) => minute - from + (today - day) * dayMinutes
    return [today, today - 1].some((day) => begins(time, day) && since(day) >= 0 && since(day) < length)
  })
}

function minutesOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number)
  return hours * 60 + minutes
}
