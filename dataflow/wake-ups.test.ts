import { expect, test } from 'vitest'
import { flow } from './flow.ts'
import type { Operator } from './operator.ts'
import { microBatch } from './operators/micro-batch.ts'
import { run } from './run.ts'
import { arraySink } from './testing/array-sink.ts'
import { manualClock } from './testing/manual-clock.ts'
import { scripted } from './testing/scripted-source.ts'

const endless = (...items: readonly number[]) => scripted<number>({ a: items }, { endless: true })

test('a wake-up lets go what is held, with the position of the last chunk', async () => {
  const clock = manualClock()
  const stop = new AbortController()
  const sink = arraySink<readonly number[]>()
  const batching = flow('batching')
    .from('in', endless(1, 2, 3), { maxWaitMs: 0 })
    .through('batch', microBatch<number>({ maxItems: 2, maxWaitMs: 500 }))
    .to('out', sink)
  const { done } = run(batching, { clock, signal: stop.signal })
  await clock.advance(499)
  expect(sink.rows('a')).toEqual([[1, 2]])
  expect(sink.checkpoint('a')).toMatchObject({ position: 3, states: { batch: { items: [3], sinceMs: 0 } } })
  await clock.advance(1)
  expect(sink.rows('a')).toEqual([[1, 2], [3]])
  expect(sink.checkpoint('a')).toMatchObject({ position: 3, states: { batch: { items: [] } } })
  stop.abort()
  await done
})

test('a state that was restored is woken at the time it asks for, counted from its first item', async () => {
  const clock = manualClock()
  const sink = arraySink<readonly number[]>()
  const source = endless(1, 2, 3)
  const batching = flow('batching')
    .from('in', source, { maxWaitMs: 0 })
    .through('batch', microBatch<number>({ maxItems: 2, maxWaitMs: 500 }))
    .to('out', sink)
  const first = new AbortController()
  const { done } = run(batching, { clock, signal: first.signal })
  await clock.advance(300)
  first.abort()
  await done
  expect(sink.rows('a')).toEqual([[1, 2]])
  const second = new AbortController()
  const again = run(batching, { clock, signal: second.signal })
  await clock.advance(199)
  expect(sink.rows('a')).toEqual([[1, 2]])
  await clock.advance(1)
  expect(sink.rows('a')).toEqual([[1, 2], [3]])
  second.abort()
  await again.done
  expect(source.itemsRead).toBe(3)
})

test('operators in a row are each woken at their own time, and what one lets go goes through the next', async () => {
  const clock = manualClock()
  const stop = new AbortController()
  const sink = arraySink<readonly (readonly number[])[]>()
  const batching = flow('batching')
    .from('in', endless(1, 2, 3), { maxWaitMs: 0 })
    .through('pairs', microBatch<number>({ maxItems: 2, maxWaitMs: 100 }))
    .through('pairs of pairs', microBatch<readonly number[]>({ maxItems: 5, maxWaitMs: 250 }))
    .to('out', sink)
  const { done } = run(batching, { clock, signal: stop.signal })
  await clock.advance(249)
  expect(sink.rows('a')).toEqual([])
  await clock.advance(1)
  expect(sink.rows('a')).toEqual([[[1, 2], [3]]])
  stop.abort()
  await done
})

test('at the end of a partition everything held goes out, through every step', async () => {
  const sink = arraySink<readonly (readonly number[])[]>()
  const batching = flow('batching')
    .from('in', scripted({ a: [1, 2, 3] }))
    .through('pairs', microBatch<number>({ maxItems: 2, maxWaitMs: 1e6 }))
    .throughAsync('call', async (pairs) => pairs)
    .through('pairs of pairs', microBatch<readonly number[]>({ maxItems: 5, maxWaitMs: 1e6 }))
    .to('out', sink)
  await run(batching).done
  expect(sink.rows('a')).toEqual([[[1, 2], [3]]])
  await run(batching).done
  expect(sink.rows('a')).toEqual([[[1, 2], [3]]])
})

test('a state that an operator keeps beyond the end is there in the next run', async () => {
  const distinct: Operator<number, readonly number[], number> = {
    name: 'distinct',
    initial: () => [],
    onItems(seen, items) {
      const fresh = [...new Set(items)].filter((item) => !seen.includes(item))
      return { state: [...seen, ...fresh], emit: fresh }
    },
    onWake: (seen) => ({ state: seen, emit: [] }),
    onEnd: (seen) => ({ state: seen, emit: [] }),
  }
  const sink = arraySink<number>()
  const source = scripted<number>({ a: [1, 2, 2] })
  const once = flow('once').from('in', source).through('distinct', distinct).to('out', sink)
  await run(once).done
  source.append('a', 2, 3)
  await run(once).done
  expect(sink.rows('a')).toEqual([1, 2, 3])
})

test('a state that changes at the end is kept, even when nothing goes out', async () => {
  const sink = arraySink<number>()
  const closing: Operator<number, string, number> = {
    name: 'closing',
    initial: () => 'open',
    onItems: (state, items) => ({ state, emit: items }),
    onWake: (state) => ({ state, emit: [] }),
    onEnd: () => ({ state: 'closed', emit: [] }),
  }
  const work = flow('work')
    .from('in', scripted({ a: [1] }))
    .through('door', closing)
    .to('out', sink)
  await run(work).done
  expect(sink.checkpoint('a')).toEqual({ position: 1, states: { door: 'closed' } })
})

test('an operator that asks to be woken at once again and again is a bug', async () => {
  const restless: Operator<number, number, number> = {
    name: 'restless',
    initial: () => 0,
    onItems: (state, _items, nowMs) => ({ state, emit: [], wakeAtMs: nowMs }),
    onWake: (state, nowMs) => ({ state, emit: [], wakeAtMs: nowMs }),
    onEnd: (state) => ({ state, emit: [] }),
  }
  const work = flow('work')
    .from('in', scripted({ a: [1] }))
    .through('never still', restless)
    .to('out', arraySink<number>())
  await expect(run(work).done).rejects.toThrow("step 'never still' was woken and asked to be woken at once again")
})
