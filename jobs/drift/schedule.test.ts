import { execFileSync } from 'node:child_process'
import { getTasks } from 'node-cron'
import { expect, test } from 'vitest'
import { builtModule } from '../../core/package-root.ts'
import { driftChecksIn, schedule } from './schedule.ts'

const at = (iso: string): number => Date.parse(iso)
const shown = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString()

test.each([
  ['0 * * * *', '2026-03-01T10:17:00Z', '2026-03-01T10:00:00.000Z', '2026-03-01T11:00:00.000Z'],
  ['*/10 * * * * *', '2026-03-01T10:17:09Z', '2026-03-01T10:17:00.000Z', '2026-03-01T10:17:10.000Z'],
  ['30 3 * * *', '2026-03-01T03:29:59Z', '2026-02-28T03:30:00.000Z', '2026-03-01T03:30:00.000Z'],
  ['0 6 * * 1', '2026-03-01T10:00:00Z', '2026-02-23T06:00:00.000Z', '2026-03-02T06:00:00.000Z'],
  ['0 0 L * *', '2026-03-01T10:00:00Z', '2026-02-28T00:00:00.000Z', '2026-03-31T00:00:00.000Z'],
])('%s at %s was due at %s and will be at %s', (expression, now, before, after) => {
  expect(shown(schedule(expression).atOrBefore(at(now)))).toBe(before)
  expect(shown(schedule(expression).after(at(now)))).toBe(after)
})

test('a due time is at or before itself, and the next one is after it', () => {
  const hourly = schedule('0 * * * *')
  const due = at('2026-05-05T05:00:00Z')
  expect(hourly.atOrBefore(due)).toBe(due)
  expect(hourly.after(due)).toBe(due + 3_600_000)
})

test('29 February comes every four years, and is found from either side', () => {
  const leapDay = schedule('0 12 29 2 *')
  expect(shown(leapDay.atOrBefore(at('2027-01-01T00:00:00Z')))).toBe('2024-02-29T12:00:00.000Z')
  expect(shown(leapDay.after(at('2024-02-29T12:00:00Z')))).toBe('2028-02-29T12:00:00.000Z')
  expect(shown(schedule('0 * * * *').after(at('2024-02-29T23:30:00Z')))).toBe('2024-03-01T00:00:00.000Z')
})

test('where clocks are changed, an hourly check comes each hour, 23 and 25 hours a day as well', () => {
  const program = `
    const { schedule } = await import(${JSON.stringify(builtModule(import.meta.url, './schedule'))})
    const hourly = schedule('0 * * * *'), nightly = schedule('30 2 * * *')
    const steps = (from, hours, due) => {
      const times = []
      for (let at = Date.parse(from); times.length < hours; ) times.push((at = due.after(at)))
      return times.map((at) => new Date(at).toISOString())
    }
    console.log(JSON.stringify({
      zone: new Date(2026, 6, 1).getTimezoneOffset(),
      spring: steps('2026-03-28T23:30:00Z', 4, hourly),
      autumn: steps('2026-10-24T23:30:00Z', 4, hourly),
      nights: steps('2026-03-28T00:00:00Z', 3, nightly),
    }))`
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, TZ: 'Europe/Berlin' },
    encoding: 'utf8',
  })
  const hours = (day: string) => ['00', '01', '02', '03'].map((hour) => `${day}T${hour}:00:00.000Z`)
  expect(JSON.parse(out)).toEqual({
    zone: -120,
    spring: hours('2026-03-29'),
    autumn: hours('2026-10-25'),
    nights: ['2026-03-28T02:30:00.000Z', '2026-03-29T02:30:00.000Z', '2026-03-30T02:30:00.000Z'],
  })
})

test('the checks of a budget are counted', () => {
  const from = at('2026-01-01T00:00:00Z')
  expect(driftChecksIn('0 * * * *', 30, from)).toBe(720)
  expect(driftChecksIn('*/10 * * * * *', 30, from)).toBe(259_200)
  expect(driftChecksIn('0 0 * * *', 30, from)).toBe(30)
  expect(driftChecksIn('0 0 1 1 *', 30, from)).toBe(1)
})

test('nothing is left of a schedule: the job makes one for each check', () => {
  const before = getTasks().size
  schedule('0 * * * *')
  driftChecksIn('*/10 * * * * *', 30, at('2026-01-01T00:00:00Z'))
  expect(getTasks().size).toBe(before)
})

test.each(['', 'every hour', '61 * * * *', '* * * *', '0 0 30 2 *'])('%j is no schedule', (expression) => {
  expect(() => schedule(expression)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})
