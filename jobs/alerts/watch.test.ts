import { ClickHouseError } from '@clickhouse/client'
import { expect, test } from 'vitest'
import { AlertRule } from '../../core/alert-settings.ts'
import { DriftlineError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import type { Alert } from './alert.ts'
import type { World } from './look.ts'
import { lookAround } from './watch.ts'

const rules = [
  AlertRule.parse({ name: 'moods', kind: 'sentiment', share: 'negative', above: 0.5 }),
  AlertRule.parse({ name: 'late', kind: 'lag', seconds: 10 }),
]
const firing: Alert = {
  id: 'a',
  group: { by: '', name: '' },
  rule: 'moods',
  state: 'firing',
  step: 1,
  startedAtMs: 1,
  firedAtMs: 1,
  notifiedAtMs: 1,
  told: ['team'],
  goneSinceMs: undefined,
  last: { kind: 'sentiment', severity: 'warning', value: 1, threshold: 0.5, summary: 'bad', details: '{}' },
}
const world = (fail: { select?: Error; waiting?: Error }): World => ({
  async select() {
    if (fail.select !== undefined) throw fail.select
    return []
  },
  model: 'm',
  async waiting() {
    if (fail.waiting !== undefined) throw fail.waiting
    return { topic: 'posts', posts: 9, seconds: 60 }
  },
  judged: new Map(),
  signal: new AbortController().signal,
})
const around = (fail: { select?: Error; waiting?: Error }) =>
  lookAround(rules, [firing], ['team'], world(fail), 60_000, silentLog)

test('a rule whose question takes too long keeps its alerts, and the others are judged', async () => {
  const slow = new ClickHouseError({ message: 'too slow', code: '159' })
  const { alerts, rows, rules: states } = await around({ select: slow })
  expect(alerts.map(({ rule }) => rule)).toEqual(['moods', 'late'])
  expect(rows.map(({ rule, event }) => [rule, event])).toEqual([['late', 'firing']])
  expect(states[0]?.note).toContain('too slow')
})

test('while the event log is away, lag is not known, and the others are judged', async () => {
  const { alerts, rows, rules: states } = await around({ waiting: new DriftlineError('LOG_UNAVAILABLE') })
  expect(alerts).toEqual([])
  expect(rows.map(({ rule, event }) => [rule, event])).toEqual([['moods', 'resolved']])
  expect(states[1]?.note).toContain('event log')
})

test('a store that does not answer is told as such: it may be at another address by now', async () => {
  const gone = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  await expect(around({ select: gone })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
})

test('wrong SQL of our own is no reason to go on', async () => {
  await expect(around({ select: new ClickHouseError({ message: 'syntax', code: '62' }) })).rejects.toThrow('syntax')
})
