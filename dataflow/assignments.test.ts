import { expect, test } from 'vitest'
import { DriftlineError } from '../core/errors.ts'
import { flow } from './flow.ts'
import { run } from './run.ts'
import { arraySink } from './testing/array-sink.ts'
import { deferred } from './testing/deferred.ts'
import { manualClock } from './testing/manual-clock.ts'
import { scripted } from './testing/scripted-source.ts'

const scripts = { a: [1, 2], b: [10, 20], c: [100] }

test('a partition taken away is drained, one that comes is opened from its checkpoint', async () => {
  const steps = [deferred(), deferred()]
  const source = scripted<number>(scripts, {
    endless: true,
    async *assignments() {
      yield ['a', 'b']
      await steps[0]?.promise
      yield ['b', 'c']
      await steps[1]?.promise
      source.append('a', 3)
      yield ['a']
    },
  })
  const sink = arraySink<number>()
  const stop = new AbortController()
  const { done, stats } = run(flow('copy').from('in', source, { maxWaitMs: 0 }).to('out', sink), {
    signal: stop.signal,
  })
  const partitions = () => stats().lanes.map(({ partition }) => partition)
  const read = () => ['a', 'b', 'c'].map((partition) => sink.rows(partition).length)
  await expect.poll(read).toEqual([2, 2, 0])
  steps[0]?.resolve()
  await expect.poll(partitions).toEqual(['b', 'c'])
  await expect.poll(read).toEqual([2, 2, 1])
  steps[1]?.resolve()
  await expect.poll(read).toEqual([3, 2, 1])
  stop.abort()
  expect(await done).toMatchObject({ outcome: 'stopped', lanes: [{ partition: 'a', position: 3 }] })
  expect(sink.rows('a')).toEqual([1, 2, 3])
})

test('the next set is asked for once the partitions taken away are closed', async () => {
  const events: string[] = []
  const held = deferred()
  const writing = deferred()
  const source = scripted<number>(
    { a: [1] },
    {
      endless: true,
      async *assignments() {
        yield ['a']
        await writing.promise
        yield []
        events.push('asked again')
      },
    },
  )
  const sink = arraySink<number>({
    async gate() {
      writing.resolve()
      await held.promise
      events.push('written')
    },
  })
  const clock = manualClock()
  const { done } = run(flow('copy').from('in', source, { maxWaitMs: 0 }).to('out', sink), { clock })
  await clock.advance(10)
  held.resolve()
  expect(await clock.until(done)).toEqual({ outcome: 'ended', lanes: [] })
  expect(events).toEqual(['written', 'asked again'])
})

test('a partition taken away that cannot finish in time is cancelled', async () => {
  const writing = deferred()
  const source = scripted<number>(
    { a: [1], b: [] },
    {
      endless: true,
      async *assignments() {
        yield ['a']
        await writing.promise
        yield ['b']
        await new Promise(() => {})
      },
    },
  )
  const sink = arraySink<number>({
    gate() {
      writing.resolve()
      return new Promise(() => {})
    },
  })
  const clock = manualClock()
  const stop = new AbortController()
  const copy = flow('copy').from('in', source, { maxWaitMs: 0 }).to('out', sink)
  const { done, stats } = run(copy, { clock, drainMs: 5000, signal: stop.signal })
  await clock.advance(4000)
  expect(stats().lanes.map(({ partition }) => partition)).toEqual(['a', 'b'])
  await clock.advance(2000)
  expect(stats().lanes.map(({ partition }) => partition)).toEqual(['b'])
  stop.abort() // while the source still holds back its next set
  expect(await done).toMatchObject({ outcome: 'stopped', lanes: [{ partition: 'b', state: 'stopped' }] })
})

test('a source that cannot say what to read is asked again, while its partitions go on', async () => {
  let asked = 0
  const source = scripted<number>(scripts, {
    async *assignments() {
      asked++
      yield asked === 1 ? ['a'] : ['a', 'b', 'c']
      if (asked < 3) throw new DriftlineError('SOURCE_UNAVAILABLE')
    },
  })
  const sink = arraySink<number>()
  const clock = manualClock()
  await clock.until(run(flow('copy').from('in', source).to('out', sink), { clock }).done)
  expect(asked).toBe(3)
  expect(['a', 'b', 'c'].map((partition) => sink.rows(partition))).toEqual(Object.values(scripts))
})

test('a stop while the source cannot say what to read ends the flow', async () => {
  let asked = 0
  const source = scripted<number>(scripts, {
    assignments: () => {
      asked++
      throw new DriftlineError('SOURCE_UNAVAILABLE')
    },
  })
  const stop = new AbortController()
  const clock = manualClock()
  const copy = flow('copy').from('in', source).to('out', arraySink<number>())
  const { done } = run(copy, { clock, signal: stop.signal })
  await clock.advance(0)
  stop.abort()
  expect(await done).toEqual({ outcome: 'stopped', lanes: [] })
  expect(asked).toBe(1)
})

test('a source that cannot be followed at all fails the run', async () => {
  const error = new DriftlineError('CONFIG_INVALID', { reason: 'no such topic' })
  const source = scripted<number>(scripts, {
    endless: true,
    async *assignments() {
      yield ['a']
      throw error
    },
  })
  const { done, stats } = run(flow('copy').from('in', source).to('out', arraySink<number>()))
  await expect(done).rejects.toBe(error)
  expect(stats().lanes).toMatchObject([{ partition: 'a', state: 'cancelled' }])
})
