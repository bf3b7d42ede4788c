import { expect, test } from 'vitest'
import { decide, overCap, type Situation } from './policy.ts'
import type { Retraining, RetrainingDocument } from './state.ts'

const minuteMs = 60_000
const nowMs = Date.UTC(2026, 2, 29, 1) // an hour in which clocks change in Europe; all times here are UTC
const at = (minutesAgo: number) => new Date(nowMs - minutesAgo * minuteMs).toISOString()
const settings = { retrainMinLabels: 200, retrainCoolDownMinutes: 60, retrainMaxPerDay: 2 }
const ended: Retraining = {
  id: 'r1',
  state: 'done',
  reason: '',
  since: at(61),
  step: 7,
  startedAt: at(90),
  by: 'drift',
  checkId: 'c0',
  meaningChanged: false,
  promotion: 'auto',
  seed: 1,
  champion: 1,
  candidate: 2,
  data: null,
  progress: null,
  gatesFailed: [],
  expected: null,
  promotedAt: at(70),
}
const situation = (over: Partial<Situation> & { current?: Retraining | null; begun?: string[] }): Situation => {
  const { current = ended, begun = [], ...rest } = over
  const document: RetrainingDocument = { schema: 1, current, begun, unrecorded: [] }
  return { document, check: { verdict: 'drift', checkId: 'c1' }, labels: 500, nowMs, ...rest }
}

test('drift, enough labels, nothing running and no cool-down: retrain', () => {
  expect(decide(situation({}), settings)).toEqual({
    retrain: true,
    reason: 'check c1 says drift, and there are 500 recent labels',
  })
  expect(decide(situation({ current: null }), settings).retrain).toBe(true)
})

test.each([
  ['no check', situation({ check: undefined }), 'no check'],
  ['a warning', situation({ check: { verdict: 'warning', checkId: 'c1' } }), 'says warning'],
  ['one is running', situation({ current: { ...ended, state: 'canary' } }), 'is canary'],
  ['the cool-down', situation({ current: { ...ended, since: at(59) } }), 'cooling down until'],
  ['too few labels', situation({ labels: 199 }), '199 recent labels, 200 are needed'],
  ['the cap of a day', situation({ begun: [at(60), at(1439)] }), '2 trainings began'],
])('%s: no retraining, and the reason says so', (_title, given, reason) => {
  const decision = decide(given, settings)
  expect(decision.retrain).toBe(false)
  expect(decision.reason).toContain(reason)
})

test('a version that waits for a person does not keep drift from retraining, once the cool-down is over', () => {
  const waiting = { ...ended, state: 'published', promotion: 'manual' } as const
  expect(decide(situation({ current: waiting }), settings).retrain).toBe(true)
})

test('what began a day ago no longer counts', () => {
  expect(overCap([at(1440), at(60)], nowMs, 2)).toBeUndefined()
  expect(overCap([at(1439), at(60)], nowMs, 2)).toContain('2 trainings')
})
