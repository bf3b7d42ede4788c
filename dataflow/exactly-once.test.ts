import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DriftlineError } from '../core/errors.ts'
import { seededRandom } from '../core/random.ts'
import { flow } from './flow.ts'
import type { Operator } from './operator.ts'
import { microBatch } from './operators/micro-batch.ts'
import { map } from './operators/stateless.ts'
import { type RunResult, run } from './run.ts'
import { arraySink, type WriteOutcome } from './testing/array-sink.ts'
import { manualClock } from './testing/manual-clock.ts'
import { CRASH, failure, PAUSE, type Scripted, scripted } from './testing/scripted-source.ts'

/** Where a run is made to fail. A crash is a bug's plain error: the run rejects and the test starts it again. */
interface Trouble {
  /** What happens before the n-th item of a partition is read. */
  readonly reads: readonly { readonly partition: number; readonly before: number; readonly event: Scripted<number> }[]
  /** Fails the n-th call of the operator, counted over all runs. */
  readonly operatorCalls: readonly number[]
  readonly asyncCalls: readonly { readonly call: number; readonly error: Error }[]
  readonly writes: readonly WriteOutcome[]
  /** The run is stopped at these calls, and started again. */
  readonly stops: readonly number[]
}

interface Shape {
  readonly partitions: readonly (readonly number[])[]
  readonly maxItems: number
  readonly maxWriteItems: number
  readonly concurrency: number
  readonly batchItems: number
}

const crash = new Error('crash')
const away = new DriftlineError('SINK_UNAVAILABLE')
const error = fc.constantFrom(crash, away)
const trouble: fc.Arbitrary<Trouble> = fc.record({
  reads: fc.array(
    fc.record({
      partition: fc.nat(2),
      before: fc.nat(12),
      event: fc.constantFrom(CRASH, PAUSE, failure(new DriftlineError('SOURCE_UNAVAILABLE'))),
    }),
    { maxLength: 4 },
  ),
  operatorCalls: fc.array(fc.nat(15), { maxLength: 2 }),
  asyncCalls: fc.array(fc.record({ call: fc.nat(15), error }), { maxLength: 3 }),
  writes: fc.array(
    fc.oneof(
      fc.constant('ok' as const),
      error.map((before) => ({ before })),
      error.map((after) => ({ after })),
    ),
    { maxLength: 12 },
  ),
  stops: fc.array(fc.nat(15), { maxLength: 2 }),
})
const shape: fc.Arbitrary<Shape> = fc.record({
  partitions: fc.array(fc.array(fc.nat(99), { maxLength: 12 }), { minLength: 1, maxLength: 3 }),
  maxItems: fc.integer({ min: 1, max: 5 }),
  maxWriteItems: fc.integer({ min: 1, max: 6 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
  batchItems: fc.integer({ min: 1, max: 4 }),
})
const noTrouble: Trouble = { reads: [], operatorCalls: [], asyncCalls: [], writes: [], stops: [] }

/** Each item with the sum up to it: an item lost, repeated or out of order shows in every sum after it. */
const runningSum: Operator<number, number, string> = {
  name: 'running-sum',
  initial: () => 0,
  onItems(sum, items) {
    let total = sum
    const emit = items.map((item) => {
      total += item
      return `${item}:${total}`
    })
    return { state: total, emit }
  },
  onWake: (sum) => ({ state: sum, emit: [] }),
  onEnd: (sum) => ({ state: sum, emit: [] }),
}

/** Runs the flow until it ends, however often it crashes on the way, and gives each partition's rows. */
async function tableAfter(shape: Shape, trouble: Trouble): Promise<readonly (readonly string[])[]> {
  const clock = manualClock()
  const source = scripted<number>(
    Object.fromEntries(shape.partitions.map((items, partition) => [partition, script(items, partition, trouble)])),
  )
  const sink = arraySink<string>({ outcomes: trouble.writes })
  let operatorCalls = 0
  let asyncCalls = 0
  let stop = new AbortController()
  const work = flow('work')
    .from('in', source, { maxItems: shape.maxItems })
    .through(
      'fail',
      map((item: number) => {
        if (trouble.operatorCalls.includes(operatorCalls++)) throw crash
        return item
      }),
    )
    .through('sum', runningSum)
    .throughAsync(
      'call',
      async (items) => {
        const call = asyncCalls++
        if (trouble.stops.includes(call)) stop.abort()
        await clock.sleep((call * 7) % 5)
        const failing = trouble.asyncCalls.find((failure) => failure.call === call)
        if (failing !== undefined) throw failing.error
        return items
      },
      { concurrency: shape.concurrency },
    )
    .through('batch', microBatch<string>({ maxItems: shape.batchItems, maxWaitMs: 3 }))
    .through(
      'lines',
      map((batch) => batch.join(' ')),
    )
    .to('out', sink, { maxWriteItems: shape.maxWriteItems })
  for (;;) {
    stop = new AbortController()
    const { done } = run(work, { clock, random: seededRandom(1), signal: stop.signal })
    const result: RunResult<number> | undefined = await clock
      .until(done)
      .catch((thrown) => void expect([crash.message, 'scripted crash']).toContain(thrown.message))
    if (result?.outcome === 'ended') return shape.partitions.map((_, partition) => sink.rows(String(partition)))
  }
}

function script(items: readonly number[], partition: number, { reads }: Trouble): readonly Scripted<number>[] {
  const events = (before: number) =>
    reads.filter((read) => read.partition === partition && read.before === before).map(({ event }) => event)
  return [...items.flatMap((item, index) => [...events(index), item]), ...events(items.length)]
}

test('whatever fails or is stopped wherever, the table is the one without failures', async () => {
  await fc.assert(
    fc.asyncProperty(shape, trouble, async (shape, trouble) => {
      const undisturbed = await tableAfter(shape, noTrouble)
      const disturbed = await tableAfter(shape, trouble)
      // Batches close by time as well, so their borders may differ; what is in them, and in which order, may not.
      expect(disturbed.map((lines) => lines.join(' '))).toEqual(undisturbed.map((lines) => lines.join(' ')))
    }),
    { numRuns: 150 },
  )
})

test('without failures the table holds each item once, in the order of its partition', async () => {
  await fc.assert(
    fc.asyncProperty(shape, async (shape) => {
      const table = await tableAfter(shape, noTrouble)
      const expected = shape.partitions.map((items) => {
        let sum = 0
        return items
          .map((item) => {
            sum += item
            return `${item}:${sum}`
          })
          .join(' ')
      })
      expect(table.map((lines) => lines.join(' '))).toEqual(expected)
    }),
    { numRuns: 50 },
  )
})
