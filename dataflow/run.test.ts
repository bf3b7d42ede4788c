import { expect, test } from 'vitest'
import { DriftlineError } from '../core/errors.ts'
import { seededRandom } from '../core/random.ts'
import { flow } from './flow.ts'
import { filter } from './operators/stateless.ts'
import { type RunOptions, run } from './run.ts'
import { arraySink } from './testing/array-sink.ts'
import { deferred } from './testing/deferred.ts'
import { manualClock } from './testing/manual-clock.ts'
import { CRASH, failure, PAUSE, ScriptedCrash, scripted } from './testing/scripted-source.ts'

const options = (): RunOptions => ({ random: seededRandom(1) })

test('items travel from every partition to the sink, and the flow ends', async () => {
  const source = scripted<number>({ a: [1, 2, PAUSE, 3], b: [4] })
  const sink = arraySink<number>()
  const result = await run(flow('copy').from('in', source, { maxItems: 2 }).to('out', sink), options()).done
  expect(sink.rows('a')).toEqual([1, 2, 3])
  expect(sink.rows('b')).toEqual([4])
  expect(result).toEqual({
    outcome: 'ended',
    lanes: [
      { partition: 'a', state: 'ended', position: 3, error: undefined },
      { partition: 'b', state: 'ended', position: 1, error: undefined },
    ],
  })
})

test('after a crash the flow goes on at the last checkpoint', async () => {
  const source = scripted<number>({ a: [1, 2, CRASH, 3] })
  const sink = arraySink<number>()
  const once = () => run(flow('copy').from('in', source, { maxItems: 1 }).to('out', sink), options()).done
  await expect(once()).rejects.toThrow(ScriptedCrash)
  await once()
  expect(sink.rows('a')).toEqual([1, 2, 3])
})

test('a stopped flow finishes what is in flight and reads no more', async () => {
  const source = scripted<number>({ a: [1, 2, 3, 4, 5] })
  const stop = new AbortController()
  const sink = arraySink<number>({ gate: async () => stop.abort() })
  const copy = flow('copy').from('in', source, { maxItems: 2 }).to('out', sink)
  const { outcome, lanes } = await run(copy, { signal: stop.signal }).done
  expect(outcome).toBe('stopped')
  expect(lanes).toMatchObject([{ partition: 'a', state: 'stopped', position: source.itemsRead }])
  expect(source.itemsRead).toBeLessThan(5)
  expect(sink.rows('a')).toHaveLength(source.itemsRead)
})

test('a flow whose signal was aborted before does nothing', async () => {
  const source = scripted<number>({ a: [1] })
  const copy = flow('copy').from('in', source).to('out', arraySink<number>())
  expect(await run(copy, { signal: AbortSignal.abort() }).done).toEqual({ outcome: 'stopped', lanes: [] })
  expect(source.itemsRead).toBe(0)
})

test('what cannot be finished in time after a stop is cancelled, and read again by the next run', async () => {
  const source = scripted<number>({ a: [1, 2] })
  const stop = new AbortController()
  const started = deferred()
  const hanging = arraySink<number>({
    gate: () => {
      started.resolve()
      return new Promise(() => {})
    },
  })
  const clock = manualClock()
  const copy = flow('copy').from('in', source).to('out', hanging)
  const { done, stats } = run(copy, { clock, signal: stop.signal, drainMs: 3000 })
  await started.promise
  stop.abort()
  await clock.advance(2999)
  expect(stats().lanes[0]?.state).toBe('running')
  const before = clock.now()
  expect(await clock.until(done)).toMatchObject({
    outcome: 'stopped',
    lanes: [{ state: 'cancelled', position: undefined }],
  })
  expect(clock.now() - before).toBeLessThanOrEqual(1001)
})

test('a stop during a back-off tries the write once more and leaves it at that', async () => {
  const away = { before: new DriftlineError('SINK_UNAVAILABLE') }
  const stop = new AbortController()
  const sink = arraySink<number>({ outcomes: [away, away, away, away] })
  const clock = manualClock()
  const copy = flow('copy')
    .from('in', scripted({ a: [1] }))
    .to('out', sink)
  const { done } = run(copy, { clock, signal: stop.signal, random: () => 0.5 })
  await clock.advance(80) // the first back-off is 75 ms, the second 150 ms
  expect(sink.writes).toHaveLength(2)
  stop.abort()
  expect(await clock.until(done)).toMatchObject({ lanes: [{ state: 'stopped' }] })
  expect(sink.writes).toHaveLength(3)
  expect(sink.rows('a')).toEqual([])
})

test('a stop while a source is away ends the flow at once', async () => {
  const source = scripted({ a: Array.from({ length: 9 }, () => failure(new DriftlineError('SOURCE_UNAVAILABLE'))) })
  const stop = new AbortController()
  const clock = manualClock()
  const { done, stats } = run(flow('copy').from('in', source).to('out', arraySink()), { clock, signal: stop.signal })
  await clock.advance(0)
  expect(stats().lanes[0]?.state).toBe('retrying')
  stop.abort()
  expect(await done).toMatchObject({ outcome: 'stopped', lanes: [{ state: 'stopped' }] })
})

test('stats tell for each step and partition what went in and out', async () => {
  const sink = arraySink<number>()
  const work = flow('work')
    .from('in', scripted({ a: [1, 2, 3, 4, 5] }), { maxItems: 2 })
    .through(
      'odd',
      filter((n) => n % 2 === 1),
    )
    .throughAsync('twice', async (items) => items.flatMap((item) => [item, item]))
    .to('out', sink)
  const { done, stats } = run(work)
  await done
  const [lane] = stats().lanes
  expect(lane).toMatchObject({ partition: 'a', state: 'ended', position: 5, retries: 0, rejected: 0 })
  expect(lane?.steps.map(({ step, in: taken, out, queued }) => [step, taken, out, queued])).toEqual([
    ['in', 5, 5, 0],
    ['odd', 5, 3, 0],
    ['twice', 3, 6, 0],
    ['out', 6, 6, 0],
  ])
  for (const { busyMs, waitingMs, blockedMs } of lane?.steps ?? []) {
    expect(Math.min(busyMs, waitingMs, blockedMs)).toBeGreaterThanOrEqual(0)
  }
})
