import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { flow } from './flow.ts'
import { map } from './operators/stateless.ts'
import { run } from './run.ts'
import { arraySink } from './testing/array-sink.ts'
import { deferred } from './testing/deferred.ts'
import { scripted } from './testing/scripted-source.ts'

const limits = fc.record({
  maxItems: fc.integer({ min: 1, max: 6 }),
  concurrency: fc.integer({ min: 1, max: 5 }),
  maxWriteItems: fc.integer({ min: 1, max: 20 }),
})
const numbers = (length: number) => Array.from({ length }, (_, index) => index)
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await nextTurn()
}

test('while the sink does not answer, the source is read ahead by a bounded number of items and no further', async () => {
  await fc.assert(
    fc.asyncProperty(limits, async ({ maxItems, concurrency, maxWriteItems }) => {
      const source = scripted<number>({ a: numbers(500) })
      const gate = deferred()
      const sink = arraySink<number>({ gate: () => gate.promise })
      const copy = flow('copy')
        .from('in', source, { maxItems })
        .through(
          'same',
          map((item) => item),
        )
        .throughAsync('call', async (items) => items, { concurrency })
        .to('out', sink, { maxWriteItems })
      const { done } = run(copy)
      await turns(200)
      const ahead = source.itemsRead
      await turns(50)
      expect(source.itemsRead).toBe(ahead)
      // One write and one full queue before it; then, in chunks: the calls, a queue and a chunk at hand for the operator,
      // a queue for the calls, a chunk at hand for the source and the read after it.
      expect(ahead).toBeLessThanOrEqual(2 * Math.max(maxItems, maxWriteItems) + (concurrency + 5) * maxItems)
      expect(ahead).toBeGreaterThanOrEqual(maxWriteItems) // the queues do fill
      gate.resolve()
      await done
      expect(sink.rows('a')).toEqual(numbers(500))
    }),
    { numRuns: 25 },
  )
})

test('chunks behind a slow write are merged, never beyond the limit, and in order', async () => {
  await fc.assert(
    fc.asyncProperty(limits, fc.integer(), async ({ maxItems, maxWriteItems }, seed) => {
      const random = seededRandom(seed)
      const sink = arraySink<number>({ gate: () => turns(Math.floor(random() * 12)) })
      const source = scripted<number>({ a: numbers(120) })
      await run(flow('copy').from('in', source, { maxItems }).to('out', sink, { maxWriteItems })).done
      expect(Math.max(...sink.writes)).toBeLessThanOrEqual(Math.max(maxItems, maxWriteItems))
      expect(sink.rows('a')).toEqual(numbers(120))
    }),
    { numRuns: 40 },
  )
})

test('a slow sink gets its chunks in as few writes as the limit allows', async () => {
  const first = deferred()
  const gates = [first.promise]
  const sink = arraySink<number>({ gate: () => gates.shift() ?? Promise.resolve() })
  const source = scripted<number>({ a: numbers(41) })
  const { done } = run(flow('copy').from('in', source, { maxItems: 1 }).to('out', sink, { maxWriteItems: 10 }))
  await turns(100)
  first.resolve()
  await done
  expect(sink.writes.slice(0, 2)).toEqual([1, 10])
})

test('a partition has as many calls under way as allowed', async () => {
  const gate = deferred()
  let running = 0
  const work = flow('work')
    .from('in', scripted<number>({ a: numbers(20) }), { maxItems: 1 })
    .throughAsync(
      'call',
      async (items) => {
        running++
        await gate.promise
        return items
      },
      { concurrency: 3 },
    )
    .to('out', arraySink<number>())
  const { done } = run(work)
  await turns(100)
  expect(running).toBe(3)
  gate.resolve()
  await done
  expect(running).toBe(20)
})

test('calls under way never pass the limit, and their results keep the order', async () => {
  await fc.assert(
    fc.asyncProperty(limits, fc.integer(), async ({ maxItems, concurrency }, seed) => {
      const random = seededRandom(seed)
      const sink = arraySink<number>({ gate: () => turns(Math.floor(random() * 10)) })
      let running = 0
      let most = 0
      const work = flow('work')
        .from('in', scripted<number>({ a: numbers(60) }), { maxItems })
        .throughAsync(
          'call',
          async (items) => {
            most = Math.max(most, ++running)
            await turns(1 + Math.floor(random() * 10))
            running--
            return items
          },
          { concurrency },
        )
        .to('out', sink)
      await run(work).done
      expect(most).toBeLessThanOrEqual(concurrency)
      expect(sink.rows('a')).toEqual(numbers(60))
    }),
    { numRuns: 40 },
  )
})
