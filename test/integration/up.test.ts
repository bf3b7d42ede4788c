import { afterAll, expect, test } from 'vitest'
import { readStoreAddress } from '../../clickhouse/store-file.ts'
import { readStatuses } from '../../core/status.ts'
import type { Verification } from '../../jobs/score/verify.ts'
import { eventually, isRunning, type Started, Workplace } from './driftline.ts'

// One data folder, started again and again: each test goes on where the one before it stopped.
const place = new Workplace({ DRIFTLINE_LOG_LEVEL: 'debug', DRIFTLINE_DEMO_RATE: '300' })
afterAll(() => place[Symbol.asyncDispose]())

/** Processes that `up` started so far, by part, and the engine of the store. */
function startedBy(up: Started): { part: string; pid: number }[] {
  const parts = up
    .stderr()
    .split('\n')
    .filter((line) => line.includes('"msg":"part started"'))
    .map((line) => JSON.parse(line) as { part: string; pid: number })
  const engine = readStoreAddress(place.data)?.pid
  return [...parts, ...(engine === undefined ? [] : [{ part: 'engine', pid: engine }])]
}

/** The status of the score job that `up` started last, once it works and has scored something. A killed one leaves its own. */
const scoring = (up: Started, notBy?: number) =>
  eventually(async () => {
    const pid = startedBy(up).findLast(({ part }) => part === 'score')?.pid
    const status = (await readStatuses(place.data, Date.now())).find(({ job }) => job === 'score')?.status
    const works = status?.state === 'ok' && status.pid === pid && pid !== notBy && (status.counts.scored ?? 0) > 0
    return works ? status : undefined
  })

const allGone = (pids: readonly number[]) => eventually(() => (pids.some(isRunning) ? undefined : true))

test('up brings every part to work, restarts one that is killed, and Ctrl-C ends them all', async () => {
  const up = place.start('up', '--source', 'demo', '--json')
  const { url } = JSON.parse(await up.line())
  expect(await (await fetch(url)).text()).toContain('<title>Driftline</title>')
  const first = await scoring(up)
  expect(
    startedBy(up)
      .map(({ part }) => part)
      .sort(),
  ).toEqual(['alerts', 'dashboard', 'drift', 'engine', 'ingest', 'reviewer', 'score', 'store'])

  process.kill(first.pid, 'SIGKILL')
  const second = await scoring(up, first.pid)
  expect(isRunning(first.pid)).toBe(false)
  const parts = startedBy(up)
  expect(parts.filter(({ part }) => part === 'score').map(({ pid }) => pid)).toEqual([first.pid, second.pid])
  for (const { part, pid } of parts) expect(isRunning(pid), part).toBe(pid !== first.pid)

  up.child.kill('SIGINT')
  expect((await up.ended).code).toBe(0)
  await allGone(parts.map(({ pid }) => pid)) // the engine may outlive a part that was too slow to stop, for a moment
  expect(await place.json<Verification>('verify')).toMatchObject({ ok: true, gaps: 0, duplicates: 0 })
})

test('the next start goes on where the last one stopped, and when it is killed, nothing is left running', async () => {
  const before = await place.json<Verification>('verify')
  const demo = place.start('demo')
  expect(await demo.line()).toMatch(/^Driftline is running: http:\/\/127\.0\.0\.1:\d+\/$/)
  await scoring(demo)
  const parts = startedBy(demo)
  demo.child.kill('SIGKILL')
  await allGone(parts.map(({ pid }) => pid))
  const after = await place.json<Verification>('verify')
  expect(after).toMatchObject({ ok: true, gaps: 0, duplicates: 0, foreignRows: 0 })
  expect(after.scored).toBeGreaterThan(before.scored)
})

test('Ctrl-C while the parts are still starting ends them all', async () => {
  const up = place.start('up')
  await eventually(() => (startedBy(up).some(({ part }) => part === 'store') ? true : undefined))
  const parts = startedBy(up).filter(({ part }) => part !== 'engine')
  up.child.kill('SIGINT')
  expect((await up.ended).code).toBe(130)
  await allGone(parts.map(({ pid }) => pid))
})
