import { expect, test } from 'vitest'
import type { AlertRow } from '../../clickhouse/rows/alerts.ts'
import { AlertRule } from '../../core/alert-settings.ts'
import { type Alert, advance, type Finding, fingerprint, type Telling } from './alert.ts'

const rule = (over: object = {}) => AlertRule.parse({ name: 'r', kind: 'lag', seconds: 10, ...over })
const finding = (holds: boolean, name = 'posts'): Finding => ({
  group: { by: 'topic', name },
  holds,
  value: 12,
  threshold: 10,
  summary: 'late',
  details: {},
})
const loud: Telling = { webhooks: ['team'], muted: false }
const quiet: Telling = { webhooks: ['team'], muted: true }

/** Looks once a second, from second 1 on; what held in each, and what became of it as `second event[!]`, `!` where people are told. */
function course(settings: object, marks: string, telling: (second: number) => Telling = () => loud) {
  const of = rule(settings)
  const rows: AlertRow[] = []
  let alert: Alert | undefined
  for (const [at, mark] of [...marks].entries()) {
    const second = at + 1
    const change = advance(of, alert, mark === '-' ? undefined : finding(mark === 'x'), second * 1000, telling(second))
    alert = change.alert
    if (change.row !== undefined) rows.push(change.row)
  }
  return { told: rows.map((row) => `${row.at / 1000} ${row.event}${row.notice_id === '' ? '' : '!'}`), rows, alert }
}

test('without a wait it fires at once, and is resolved as soon as the condition is gone', () => {
  expect(course({}, '.xxx.').told).toEqual(['2 firing!', '5 resolved!'])
})

test('a group that a rule does not name any more does not hold', () => {
  expect(course({}, 'x-').told).toEqual(['1 firing!', '2 resolved!'])
})

test('it is pending until the condition has held long enough, and nobody is told of what passed before', () => {
  //                                 1 ───── 4      6 ─────── 9
  expect(course({ forSeconds: 3 }, 'xxx.' + '.xxxxx').told).toEqual([
    '1 pending',
    '4 cleared',
    '6 pending',
    '9 firing!',
  ])
})

test('it is resolved only when the condition was gone long enough without a break', () => {
  expect(course({ resolveSeconds: 3 }, 'x..x...' + '.').told).toEqual(['1 firing!', '8 resolved!'])
})

test('people are told again after the time that the rule says, and never with 0', () => {
  expect(course({ repeatMinutes: 0.05 }, 'xxxxxxxx').told).toEqual(['1 firing!', '4 reminder!', '7 reminder!'])
  expect(course({ repeatMinutes: 0 }, 'x'.repeat(100)).told).toEqual(['1 firing!'])
})

test('muted, it fires without a word; what still fires afterwards is told as firing', () => {
  const muted = (until: number) => (second: number) => (second <= until ? quiet : loud)
  expect(course({}, 'xxxxx.', muted(3)).told).toEqual(['1 firing', '4 firing!', '6 resolved!'])
  expect(course({}, 'xx.', muted(3)).told).toEqual(['1 firing', '3 resolved'])
})

test('whoever was told that it fires is told of its end, though it is muted by then', () => {
  expect(course({}, 'xxx.', (second) => (second === 1 ? loud : quiet)).told).toEqual(['1 firing!', '4 resolved!'])
})

test('a rule that tells nobody keeps history', () => {
  expect(course({}, 'xx.', () => ({ webhooks: [], muted: false })).told).toEqual(['1 firing', '3 resolved'])
})

test('steps of an alert count from 1 under one id, and the next alert of the group has another id', () => {
  const { rows } = course({}, 'x.x')
  expect(rows.map(({ step }) => step)).toEqual([1, 2, 1])
  expect(new Set(rows.map(({ alert_id }) => alert_id)).size).toBe(2)
  expect(new Set(rows.map(({ notice_id }) => notice_id)).size).toBe(3)
})

test('the end goes to those who were told, though the rule tells others by then', () => {
  const { rows } = course({}, 'x.', (second) => ({ webhooks: [second === 1 ? 'team' : 'others'], muted: false }))
  expect(rows.map(({ webhooks }) => webhooks)).toEqual([['team'], ['team']])
})

test('the same look gives the same ids, so that a row that is written twice is one row', () => {
  const once = () => advance(rule(), undefined, finding(true), 1000, loud).row
  expect(once()).toEqual(once())
})

test('the fingerprint joins the alerts of one group of one rule, and no others', () => {
  const group = { by: 'hashtag', name: 'a' } as const
  expect(fingerprint('r', group)).toBe(fingerprint('r', { ...group }))
  const others = [
    fingerprint('s', group),
    fingerprint('r', { by: 'source', name: 'a' }),
    fingerprint('r', { by: 'hashtag', name: 'b' }),
  ]
  expect(new Set([...others, fingerprint('r', group)]).size).toBe(4)
})
