import { expect, test } from 'vitest'
import { flow } from './flow.ts'
import { run } from './run.ts'
import type { Reader, Source } from './source.ts'
import { arraySink } from './testing/array-sink.ts'
import { manualClock } from './testing/manual-clock.ts'

/** A source with one partition, whose reads come back when the clock says so. */
function timed(reads: readonly (readonly [atMs: number, items: readonly string[]])[], clock = manualClock()) {
  const asked: number[] = []
  const source: Source<string, number> = {
    name: 'timed',
    async *assignments() {
      yield ['a']
    },
    async open(): Promise<Reader<string, number>> {
      let read = 0
      let position = 0
      return {
        position: () => position,
        async next(max) {
          asked.push(max)
          const [atMs, items] = reads[read++] ?? []
          if (atMs === undefined || items === undefined) return undefined
          await clock.sleep(atMs - clock.now())
          position += items.length
          return items
        },
        async [Symbol.asyncDispose]() {},
      }
    },
  }
  return { clock, source, asked }
}

/** When each write was made, and of what. */
function timedSink(clock: ReturnType<typeof manualClock>) {
  const writes: (readonly [number, readonly string[], number])[] = []
  const sink = arraySink<string>()
  const open: typeof sink.open = async (partition, signal) => {
    const writer = await sink.open(partition, signal)
    return {
      ...writer,
      write(items, checkpoint) {
        writes.push([clock.now(), items, checkpoint.position])
        return writer.write(items, checkpoint)
      },
    }
  }
  return { writes, sink: { ...sink, open } }
}

test('a chunk leaves when it is full, or when its first item has waited long enough', async () => {
  // ms   10  20          110       200 210
  //      a ─ b ───────── ┤         c ─ d e ┤ full
  const { clock, source, asked } = timed([
    [10, ['a']],
    [20, ['b']],
    [200, ['c']],
    [210, ['d', 'e']],
  ])
  const { sink, writes } = timedSink(clock)
  await clock.until(run(flow('t').from('in', source, { maxItems: 3, maxWaitMs: 100 }).to('out', sink), { clock }).done)
  expect(writes).toEqual([
    [110, ['a', 'b'], 2],
    [210, ['c', 'd', 'e'], 5],
  ])
  expect(asked).toEqual([3, 2, 1, 2, 3])
})

test('a chunk that leaves during a read has the position before that read', async () => {
  const { clock, source } = timed([
    [0, ['a']],
    [60, ['b']],
  ])
  const { sink, writes } = timedSink(clock)
  await clock.until(run(flow('t').from('in', source, { maxWaitMs: 50 }).to('out', sink), { clock }).done)
  expect(writes).toEqual([
    [50, ['a'], 1],
    [60, ['b'], 2],
  ])
})

test('without a wait, each read is a chunk', async () => {
  const { clock, source } = timed([
    [0, ['a']],
    [0, ['b', 'c']],
  ])
  const { sink, writes } = timedSink(clock)
  await clock.until(
    run(flow('t').from('in', source, { maxWaitMs: 0 }).to('out', sink, { maxWriteItems: 1 }), { clock }).done,
  )
  expect(writes.map(([, items]) => items)).toEqual([['a'], ['b', 'c']])
})

test('a chunk leaves in time although the timer rings before the clock has come to it', async () => {
  const { clock, source } = timed([
    [0, ['a']],
    [5000, ['b']],
  ])
  const { sink, writes } = timedSink(clock)
  const early = { ...clock, sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms - 1, signal) }
  const copy = flow('t').from('in', source, { maxWaitMs: 100 }).to('out', sink)
  await clock.until(run(copy, { clock: early }).done)
  expect(writes.map(([atMs, items]) => [atMs, items])).toEqual([
    [99, ['a']],
    [5000, ['b']],
  ])
})

test('what has been read when the flow stops is written, without waiting for more', async () => {
  const { clock, source } = timed([
    [0, ['a']],
    [5000, ['b']],
  ])
  const { sink, writes } = timedSink(clock)
  const stop = new AbortController()
  const copy = flow('t').from('in', source, { maxWaitMs: 1000 }).to('out', sink)
  const { done } = run(copy, { clock, signal: stop.signal, drainMs: 10_000 })
  await clock.advance(300)
  stop.abort()
  await clock.until(done)
  expect(writes).toEqual([[300, ['a'], 1]])
})

test('a reader that returns more than it was asked for is a bug', async () => {
  const { clock, source } = timed([[0, ['a', 'b', 'c']]])
  const copy = flow('t').from('in', source, { maxItems: 2 }).to('out', arraySink<string>())
  await expect(clock.until(run(copy, { clock }).done)).rejects.toThrow('returned 3 items when asked for at most 2')
})
