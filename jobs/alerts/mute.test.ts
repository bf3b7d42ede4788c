import { expect, test } from 'vitest'
import { AlertRule } from '../../core/alert-settings.ts'
import { isMuted } from './mute.ts'

const times = (...mute: object[]) => AlertRule.parse({ name: 'r', kind: 'drift', mute }).mute
/** 2 March 2026 is a Monday. */
const at = (day: number, time: string) => Date.parse(`2026-03-0${day}T${time}:00Z`)

test('a time within a day holds from its first minute to before its last', () => {
  const lunch = times({ from: '12:00', to: '13:30' })
  expect(['11:59', '12:00', '13:29', '13:30'].map((time) => isMuted(lunch, at(2, time)))).toEqual([
    false,
    true,
    true,
    false,
  ])
})

test('a time over midnight belongs to the day it begins on', () => {
  const night = times({ days: ['mon'], from: '22:00', to: '06:00' })
  expect(isMuted(night, at(2, '05:00'))).toBe(false)
  expect(isMuted(night, at(2, '23:00'))).toBe(true)
  expect(isMuted(night, at(3, '05:59'))).toBe(true)
  expect(isMuted(night, at(3, '06:00'))).toBe(false)
  expect(isMuted(night, at(3, '23:00'))).toBe(false)
})

test('from Sunday into Monday, and a whole day', () => {
  expect(isMuted(times({ days: ['sun'], from: '20:00', to: '04:00' }), at(2, '03:00'))).toBe(true)
  const monday = times({ days: ['mon'], from: '00:00', to: '00:00' })
  expect(['00:00', '12:00', '23:59'].map((time) => isMuted(monday, at(2, time)))).toEqual([true, true, true])
  expect(isMuted(monday, at(3, '00:00'))).toBe(false)
})

test('without times nothing is muted', () => {
  expect(isMuted([], at(2, '00:00'))).toBe(false)
})
