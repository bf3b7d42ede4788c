import { expect, test } from 'vitest'
import { DriftlineError } from '../core/errors.ts'
import { seededRandom } from '../core/random.ts'
import { flow } from './flow.ts'
import { microBatch } from './operators/micro-batch.ts'
import { map } from './operators/stateless.ts'
import { type RunOptions, run } from './run.ts'
import type { Sink } from './sink.ts'
import { type ArraySink, arraySink } from './testing/array-sink.ts'
import { deferred } from './testing/deferred.ts'
import { manualClock } from './testing/manual-clock.ts'
import { failure, scripted } from './testing/scripted-source.ts'

const options = (): RunOptions & { readonly clock: ReturnType<typeof manualClock> } => ({
  clock: manualClock(),
  random: seededRandom(1),
})
const sourceAway = () => new DriftlineError('SOURCE_UNAVAILABLE', { reason: 'away' })
const sinkAway = () => new DriftlineError('SINK_UNAVAILABLE', { reason: 'away' })
const recreated = () => new DriftlineError('TOPIC_RECREATED', { topic: 'posts' })

test('a source that is away is opened again from the last checkpoint', async () => {
  const source = scripted<number>({ a: [1, failure(sourceAway()), 2, failure(sourceAway()), failure(sourceAway()), 3] })
  const sink = arraySink<number>()
  const env = options()
  const started = run(flow('copy').from('in', source).to('out', sink), env)
  await env.clock.until(started.done)
  expect(sink.rows('a')).toEqual([1, 2, 3])
  expect(started.stats().lanes[0]).toMatchObject({ state: 'ended', retries: 3, error: { code: 'SOURCE_UNAVAILABLE' } })
})

test('back-off grows while nothing is written, and starts anew once something was', async () => {
  const away = failure(sourceAway())
  const source = scripted<number>({ a: [away, away, away, 1, away, 2] })
  const clock = manualClock()
  const waits: number[] = []
  const sleep: typeof clock.sleep = (ms, signal) => {
    waits.push(ms)
    return clock.sleep(ms, signal)
  }
  const copy = flow('copy').from('in', source, { maxWaitMs: 0 }).to('out', arraySink<number>())
  await clock.until(
    run(copy, { clock: { ...clock, sleep }, random: () => 1, backOff: { firstMs: 10, maxMs: 25 } }).done,
  )
  expect(waits).toEqual([10, 20, 25, 10])
})

test('a source that fails soon after each opening gets on all the same', async () => {
  const source = scripted<number>({ a: [1, 2, 3, 4].flatMap((item) => [item, failure(sourceAway())]) })
  const sink = arraySink<number>({ gate: () => new Promise((resolve) => setImmediate(resolve)) })
  const env = options()
  await env.clock.until(run(flow('copy').from('in', source).to('out', sink), env).done)
  expect(source.itemsRead).toBe(4)
  expect(sink.rows('a')).toEqual([1, 2, 3, 4])
})

test('a failed write comes again with the same items and checkpoint, whether or not it was durable', async () => {
  const sink = arraySink<number>({ outcomes: [{ before: sinkAway() }, { after: sinkAway() }, { before: sinkAway() }] })
  const written: unknown[] = []
  const recording: Sink<number, number> = {
    ...sink,
    async open(partition, signal) {
      const writer = await sink.open(partition, signal)
      const write: typeof writer.write = (items, checkpoint) => {
        written.push([items, checkpoint])
        return writer.write(items, checkpoint)
      }
      return { ...writer, write }
    },
  }
  const env = options()
  const started = run(
    flow('copy')
      .from('in', scripted({ a: [1, 2] }))
      .to('out', recording),
    env,
  )
  await env.clock.until(started.done)
  const once = [[1, 2], { position: 2, states: {} }]
  expect(written).toEqual([once, once, once, once])
  expect(sink.rows('a')).toEqual([1, 2])
  expect(started.stats().lanes[0]?.retries).toBe(3)
})

test('a failure for good halts its partition only, and the run fails with it once the others have ended', async () => {
  const sink = arraySink<number>()
  const error = recreated()
  const started = run(
    flow('copy')
      .from('in', scripted({ a: [1, failure(error), 2], b: [3, 4] }))
      .to('out', sink),
  )
  await expect(started.done).rejects.toBe(error)
  expect(sink.rows('a')).toEqual([1])
  expect(sink.rows('b')).toEqual([3, 4])
  expect(started.stats().lanes).toMatchObject([
    { partition: 'a', state: 'halted', position: 1, error: { code: 'TOPIC_RECREATED' } },
    { partition: 'b', state: 'ended', position: 2, error: undefined },
  ])
})

test('beside a halted partition the others go on until the flow is stopped', async () => {
  const source = scripted<number>({ a: [failure(recreated())], b: [1] }, { endless: true })
  const stop = new AbortController()
  const sink = arraySink<number>({ gate: async () => void (source.itemsRead === 2 && stop.abort()) })
  const started = run(flow('copy').from('in', source, { maxWaitMs: 0 }).to('out', sink), { signal: stop.signal })
  await expect.poll(() => started.stats().lanes[0]?.state).toBe('halted')
  source.append('b', 2)
  expect(await started.done).toMatchObject({ outcome: 'stopped', lanes: [{ state: 'halted' }, { state: 'stopped' }] })
  expect(sink.rows('b')).toEqual([1, 2])
})

test('a bug stops every partition and is what the run rejects with', async () => {
  const bug = new TypeError('undefined is not a function')
  const source = scripted<number>({ a: [1, 2], b: [] }, { endless: true })
  const failing = map((item: number) => {
    if (item === 2) throw bug
    return item
  })
  const sink = arraySink<number>()
  const started = run(flow('copy').from('in', source, { maxItems: 1 }).through('fail', failing).to('out', sink))
  await expect(started.done).rejects.toBe(bug)
  expect(sink.rows('a')).toEqual([1]) // what came before it was still written
  expect(started.stats().lanes.map(({ state }) => state)).toEqual(['halted', 'cancelled'])
})

test('a partition that waits to write again when a bug stops the flow writes no more', async () => {
  const gate = deferred()
  const source = scripted<number>({ a: [1], b: [2] })
  const sink = arraySink<number>({ outcomes: Array.from({ length: 9 }, () => ({ before: sinkAway() })) })
  const env = options()
  const copy = flow('copy')
    .from('in', source)
    .throughAsync('call', async (items: readonly number[]) => {
      if (items[0] === 1) return items
      await gate.promise
      throw new Error('bug')
    })
    .to('out', sink)
  const { done, stats } = run(copy, env)
  await env.clock.advance(0)
  expect(stats().lanes[0]).toMatchObject({ state: 'retrying', retries: 1 })
  gate.resolve()
  await expect(done).rejects.toThrow('bug')
  expect(sink.writes).toHaveLength(1)
})

test('a bug is reported even when a call beside it never comes back', async () => {
  const bug = new Error('bug')
  const hanging = deferred()
  const copy = flow('copy')
    .from('in', scripted<number>({ a: [1, 2] }), { maxItems: 1 })
    .throughAsync('call', async (items: readonly number[]) => {
      if (items[0] === 1) {
        await hanging.promise
        throw bug
      }
      hanging.resolve()
      return new Promise<number[]>(() => {})
    })
    .to('out', arraySink<number>())
  const env = options()
  await expect(env.clock.until(run(copy, env).done)).rejects.toBe(bug)
})

test('a call that fails in a way worth another try is repeated from the last checkpoint', async () => {
  const calls: (readonly number[])[] = []
  const sink = arraySink<number>()
  const env = options()
  const copy = flow('copy')
    .from('in', scripted({ a: [1, 2, 3] }), { maxItems: 1 })
    .throughAsync('call', async (items: readonly number[]) => {
      calls.push(items)
      if (items[0] === 2 && calls.filter(([item]) => item === 2).length < 3) throw sinkAway()
      return items
    })
    .to('out', sink)
  await env.clock.until(run(copy, env).done)
  expect(sink.rows('a')).toEqual([1, 2, 3])
  expect(calls.filter(([item]) => item === 1)).toHaveLength(1) // written before the failure behind it was met
})

test('rejected items go to the hook, once it has kept them the others are written', async () => {
  const sink = rejecting(arraySink<number>(), (item) => item % 3 === 0)
  const kept: unknown[] = []
  const copy = flow('copy')
    .from('in', scripted({ a: [1, 2, 3, 4, 5, 6] }))
    .to('out', sink, {
      async onRejected(items, error, context) {
        expect(sink.rows('a')).toEqual([])
        kept.push([items, error.code, context])
      },
    })
  const started = run(copy)
  await started.done
  expect(kept).toEqual([[[3, 6], 'WRITE_REJECTED', { partition: 'a' }]])
  expect(sink.rows('a')).toEqual([1, 2, 4, 5])
  expect(sink.checkpoint('a')?.position).toBe(6)
  expect(started.stats().lanes[0]).toMatchObject({ rejected: 2 })
})

test('when every item is rejected the checkpoint still moves', async () => {
  const sink = rejecting(arraySink<number>(), () => true)
  await run(
    flow('copy')
      .from('in', scripted({ a: [1, 2] }))
      .to('out', sink, { onRejected: async () => {} }),
  ).done
  expect(sink.checkpoint('a')?.position).toBe(2)
})

test('a hook that cannot keep rejected items just now is asked again', async () => {
  const sink = rejecting(arraySink<number>(), (item) => item === 1)
  const tries: (readonly number[])[] = []
  const env = options()
  const copy = flow('copy')
    .from('in', scripted({ a: [1, 2] }))
    .to('out', sink, {
      async onRejected(items) {
        if (tries.push(items) < 3) throw sinkAway()
      },
    })
  await env.clock.until(run(copy, env).done)
  expect(tries).toEqual([[1], [1], [1]])
  expect(sink.rows('a')).toEqual([2])
})

test('without a hook a rejected item halts its partition', async () => {
  const sink = rejecting(arraySink<number>(), (item) => item === 1)
  const started = run(
    flow('copy')
      .from('in', scripted({ a: [1], b: [2] }))
      .to('out', sink),
  )
  await expect(started.done).rejects.toMatchObject({ code: 'WRITE_REJECTED' })
  expect(sink.rows('b')).toEqual([2])
})

test('a checkpoint with a state for a step that is gone halts the partition instead of dropping what it holds', async () => {
  const stop = new AbortController()
  const sink = arraySink<readonly number[]>({ gate: async () => stop.abort() })
  const source = scripted<number>({ a: [1, 2, 3] }, { endless: true })
  const limits = { maxItems: 2, maxWaitMs: 1e6 }
  const batching = flow('a').from('in', source).through('batch', microBatch<number>(limits)).to('out', sink)
  await run(batching, { signal: stop.signal }).done
  expect(sink.checkpoint('a')?.states).toMatchObject({ batch: { items: [3] } })
  const renamed = flow('a')
    .from('in', scripted<number>({ a: [1, 2, 3] }))
    .through('group', microBatch<number>(limits))
    .to('out', sink)
  await expect(run(renamed).done).rejects.toMatchObject({ code: 'CHECKPOINT_MISMATCH' })
  expect(sink.rows('a')).toEqual([[1, 2]])
})

test('a partition with nothing to read is opened again when a step behind it failed', async () => {
  const source = scripted<number>({ a: [1] }, { endless: true })
  const stop = new AbortController()
  const sink = arraySink<number>({ gate: async () => stop.abort() })
  let calls = 0
  const copy = flow('copy')
    .from('in', source, { maxWaitMs: 0 })
    .throughAsync('call', async (items: readonly number[]) => {
      if (calls++ === 0) throw sinkAway()
      return items
    })
    .to('out', sink)
  await run(copy, { signal: stop.signal, backOff: { firstMs: 1, maxMs: 1 } }).done
  expect(sink.rows('a')).toEqual([1])
})

test('a failure to close is a failure of the partition', async () => {
  const sink = arraySink<number>()
  const error = new Error('close')
  const unclosable: Sink<number, number> = {
    ...sink,
    open: async (partition, signal) => ({
      ...(await sink.open(partition, signal)),
      [Symbol.asyncDispose]: () => Promise.reject(error),
    }),
  }
  await expect(
    run(
      flow('copy')
        .from('in', scripted({ a: [1] }))
        .to('out', unclosable),
    ).done,
  ).rejects.toBe(error)
})

test('a partition is not opened again before the calls of its last attempt have come back', async () => {
  const begun = deferred()
  const held = deferred()
  const sink = arraySink<number>()
  let opened = 0
  const counting: Sink<number, number> = {
    ...sink,
    open: (partition, signal) => {
      opened++
      return sink.open(partition, signal)
    },
  }
  const env = options()
  const copy = flow('copy')
    .from('in', scripted<number>({ a: [1, 2] }), { maxItems: 1 })
    .throughAsync('call', async (items: readonly number[]) => {
      if (opened > 1) return items
      if (items[0] === 1) {
        await begun.promise
        throw sinkAway()
      }
      begun.resolve()
      await held.promise
      return items
    })
    .to('out', counting)
  const started = run(copy, env)
  await env.clock.advance(60_000)
  expect(opened).toBe(1)
  expect(started.stats().lanes[0]).toMatchObject({ state: 'retrying', error: { code: 'SINK_UNAVAILABLE' } })
  held.resolve()
  await env.clock.until(started.done)
  expect(opened).toBe(2)
  expect(sink.rows('a')).toEqual([1, 2])
})

/** The same sink, which refuses some items for good. */
function rejecting(sink: ArraySink<number, number>, refuses: (item: number) => boolean): ArraySink<number, number> {
  return {
    ...sink,
    async open(partition, signal) {
      const writer = await sink.open(partition, signal)
      return {
        ...writer,
        async write(items, checkpoint) {
          const failed = items.flatMap((item, index) => (refuses(item) ? [index] : []))
          if (failed.length > 0) throw new DriftlineError('WRITE_REJECTED', { failed })
          await writer.write(items, checkpoint)
        },
      }
    },
  }
}
