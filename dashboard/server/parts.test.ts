import { expect, test } from 'vitest'
import type { JobStatus, StatusFile } from '../../core/status.ts'
import { jobParts, modelOf } from './parts.ts'

const status = (over: Partial<JobStatus> = {}): JobStatus => ({
  job: 'score',
  pid: 1,
  startedAt: 0,
  updatedAt: 100_000,
  state: 'ok',
  provider: 'cpu',
  workers: 3,
  model: { name: 'social-bag', version: 2, labels: ['negative', 'positive'] },
  partitions: [{ topic: 'posts', partition: 0, position: 0, lag: 0, state: 'ok' }],
  counts: {},
  rates: {},
  ...over,
})
const file = (over: Partial<JobStatus> = {}, answering = true): StatusFile => {
  const written = status(over)
  return { job: written.job, status: written, answering }
}
const scorePart = (score: StatusFile, nowMs = 100_000) => jobParts([score], nowMs).find(({ name }) => name === 'score')

test('jobs that never ran are listed when posts cannot be scored without them', () => {
  expect(jobParts([file({ job: 'drift', model: undefined })], 100_000)).toEqual([
    { name: 'ingest', state: 'absent', detail: 'not started' },
    { name: 'score', state: 'absent', detail: 'not started' },
    { name: 'drift', state: 'ok', detail: '' },
  ])
})

test('a working score job tells its model and the provider that is truly in use', () => {
  expect(scorePart(file())).toEqual({ name: 'score', state: 'ok', detail: 'social-bag v2 on cpu' })
  expect(modelOf([file()])).toEqual({ name: 'social-bag', version: 2, provider: 'cpu', workers: 3 })
})

test.each([
  ['starting', 'waiting', 'starting'],
  ['stopping', 'waiting', 'stopping'],
  ['stopped', 'absent', 'was stopped'],
  ['ended', 'absent', 'has read everything'],
] as const)('a job that says %s is %s', (said, state, detail) => {
  expect(scorePart(file({ state: said }))).toEqual({ name: 'score', state, detail })
})

test('its reason is passed on', () => {
  const waiting = file({ state: 'waiting', reason: 'the store is away' })
  expect(scorePart(waiting)).toMatchObject({ state: 'waiting', detail: 'the store is away' })
  const halted = file({ state: 'halted', reason: 'the topic was recreated' })
  expect(scorePart(halted)).toMatchObject({ state: 'halted', detail: 'the topic was recreated' })
})

test('one halted partition halts the part, whatever the job says of itself', () => {
  const partitions = [
    { topic: 'posts', partition: 0, position: 0, lag: 0, state: 'ok' as const },
    { topic: 'posts', partition: 1, position: 9, lag: 0, state: 'halted' as const, reason: 'it ends at 3' },
  ]
  expect(scorePart(file({ partitions }))).toMatchObject({
    state: 'halted',
    detail: 'partition 1 of posts: it ends at 3',
  })
})

test('a silent job is waited for during a minute, then it is gone; its model is no longer in use', () => {
  const silent = file({}, false)
  expect(scorePart(silent, 112_000)).toMatchObject({ state: 'waiting', detail: 'has not answered for 12 s' })
  expect(scorePart(silent, 160_000)).toMatchObject({ state: 'absent', detail: 'stopped without a word' })
  expect(modelOf([silent])).toBeNull()
})

test('a status that cannot be read needs a person', () => {
  const damaged: StatusFile = { job: 'score', status: undefined, answering: false, reason: 'Unexpected end of JSON' }
  expect(scorePart(damaged)).toMatchObject({
    state: 'halted',
    detail: 'its status cannot be read: Unexpected end of JSON',
  })
  expect(modelOf([damaged])).toBeNull()
})
