import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type JobStatus, readStatuses, staleAfterMs, writeStatus } from './status.ts'

const emptyFolder = () => mkdtempSync(join(tmpdir(), 'driftline-status-'))
const status = (over: Partial<JobStatus> = {}): JobStatus => ({
  job: 'score',
  pid: 1,
  startedAt: 500,
  updatedAt: 1_000,
  state: 'ok',
  provider: 'cpu',
  partitions: [
    { topic: 'posts', partition: 0, position: 7, lag: 3, state: 'halted', reason: 'the topic was recreated' },
  ],
  counts: { scored: 7 },
  rates: { scored: 2.5 },
  ...over,
})

test('a status is read as it was written', async () => {
  const data = emptyFolder()
  await writeStatus(data, status())
  await writeStatus(data, status({ job: 'ingest', partitions: [] }))
  expect(await readStatuses(data, 1_000)).toEqual([
    { job: 'ingest', status: status({ job: 'ingest', partitions: [] }), answering: true },
    { job: 'score', status: status(), answering: true },
  ])
})

test('replicas of a job keep a status each, and one that was silent for an hour is forgotten', async () => {
  const data = emptyFolder()
  await writeStatus(data, status({ replica: 'a' }))
  await writeStatus(data, status({ replica: 'b', updatedAt: 2_000 }))
  expect(await readStatuses(data, 1_500)).toMatchObject([
    { job: 'score', replica: 'a', answering: true },
    { job: 'score', replica: 'b', answering: true },
  ])
  expect(await readStatuses(data, 1_001 + 3_600_000)).toMatchObject([{ replica: 'b', answering: false }])
})

test('a job that starts removes replicas that were silent for an hour, and the draft of its own that a kill left', async () => {
  const data = emptyFolder()
  const hour = 3_600_000
  await writeStatus(data, status({ replica: 'old' }))
  await writeStatus(data, status({ replica: 'new', updatedAt: 2_000 }))
  await writeStatus(data, status({ job: 'drift' }))
  for (const draft of ['.score@next.7.31', '.score@new.8.1']) writeFileSync(join(data, 'status', draft), '{')
  await writeStatus(data, status({ replica: 'next', updatedAt: 1_001 + hour }))
  const left = ['.score@new.8.1', 'drift.json', 'score@new.json', 'score@next.json']
  expect(readdirSync(join(data, 'status')).sort()).toEqual(left)
})

test('a folder in which no job ever ran has no statuses', async () => {
  expect(await readStatuses(emptyFolder(), 0)).toEqual([])
})

test('a job that has not written for five seconds does not answer', async () => {
  const data = emptyFolder()
  await writeStatus(data, status())
  expect(await readStatuses(data, 1_000 + staleAfterMs - 1)).toMatchObject([{ answering: true }])
  expect(await readStatuses(data, 1_000 + staleAfterMs)).toMatchObject([{ answering: false }])
})

test.each(['stopped', 'ended'] as const)('a job that wrote %s has gone, however fresh that is', async (state) => {
  const data = emptyFolder()
  await writeStatus(data, status({ state }))
  expect(await readStatuses(data, 1_000)).toMatchObject([{ answering: false, status: { state } }])
})

test('a damaged file is named with its reason and hides no other', async () => {
  const data = emptyFolder()
  await writeStatus(data, status())
  writeFileSync(join(data, 'status', 'ingest.json'), '{"job":')
  writeFileSync(join(data, 'status', 'drift.json'), '{"job":"drift"}')
  expect(await readStatuses(data, 1_000)).toMatchObject([
    { job: 'drift', status: undefined, answering: false, reason: expect.stringContaining('pid') },
    { job: 'ingest', status: undefined, answering: false, reason: expect.any(String) },
    { job: 'score', answering: true },
  ])
})

test('overlapping writes leave one whole file and nothing else', async () => {
  const data = emptyFolder()
  await Promise.all(Array.from({ length: 50 }, (_, n) => writeStatus(data, status({ counts: { scored: n } }))))
  expect(readdirSync(join(data, 'status'))).toEqual(['score.json'])
  expect(await readStatuses(data, 1_000)).toMatchObject([{ status: { job: 'score' }, answering: true }])
})

test('a status that breaks the schema is refused before it is written', async () => {
  const data = emptyFolder()
  await expect(writeStatus(data, status({ job: '../x' }))).rejects.toThrow('job')
  expect(await readStatuses(data, 1_000)).toEqual([])
})
