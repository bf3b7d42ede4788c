import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SwapRow } from '../../clickhouse/rows/scores.ts'
import { silentLog } from '../../core/log.ts'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import { Guard } from '../../models/registry/traffic.ts'
import type { ReadyModel } from './ready.ts'
import { type Lease, ModelSwitch } from './swap.ts'
import { type FakeScorer, fakeScorer } from './testing/fake-scorer.ts'
import { Watch } from './watch.ts'

const topic = { name: 'posts', id: 'T', partitions: 2 }
const ready = (scorer: FakeScorer): ReadyModel => ({ scorer, alias: 'champion', by: 'ann', reason: 'why', loadMs: 7.4 })

function switchOf(first: FakeScorer, record?: (rows: readonly SwapRow[]) => Promise<void>) {
  const rows: SwapRow[] = []
  let us = 0
  const clock = manualClock(1000)
  const models = new ModelSwitch({
    first: ready(first),
    record: record ?? (async (told) => void rows.push(...told)),
    clock,
    log: silentLog,
    nowUs: () => us,
  })
  const advanceUs = (by: number) => {
    us += by
  }
  return { models, rows, advanceUs, clock }
}

/** A batch of one record or more. */
const begin = (models: ModelSwitch, partition: number, offset: number, posts = 1): readonly Lease[] =>
  models.begin(
    topic,
    Array.from({ length: posts }, (_, at) => ({ partition, offset: offset + at })),
  )
const end = (leases: readonly Lease[]) => {
  for (const lease of leases) lease.end()
}
const scorers = (leases: readonly Lease[]) => leases.map(({ scorer }) => scorer)

test('a batch keeps the model it began with, which is released after the last of its batches', async () => {
  const [one, two] = [fakeScorer(1), fakeScorer(2)]
  const { models } = switchOf(one)
  const early = begin(models, 0, 0)
  const other = begin(models, 1, 0)
  models.swap(ready(two))
  const late = begin(models, 0, 10)
  expect([...scorers(early), ...scorers(late), models.scorer]).toEqual([one, two, two])
  end(early)
  expect(one.released).toBe(false)
  end(other)
  const last = begin(models, 1, 10)
  expect(one.released).toBe(true)
  end([...late, ...last])
  await models[Symbol.asyncDispose]()
  expect(two.released).toBe(true)
})

test('a model without batches is released at the swap', () => {
  const one = fakeScorer(1)
  const { models } = switchOf(one)
  models.swap(ready(fakeScorer(2)))
  expect(one.released).toBe(true)
})

test('each partition is recorded once per model, with its first offset', () => {
  const { models, rows } = switchOf(fakeScorer(3))
  for (const offset of [5, 9]) end(begin(models, 0, offset))
  end(begin(models, 1, 0, 2))
  models.swap(ready(fakeScorer(4)))
  for (const offset of [12, 20]) end(begin(models, 0, offset))
  end(begin(models, 1, 2))
  end(begin(models, 2, 7))
  expect(rows).toMatchObject([
    { partition: 0, first_offset: 5, from_version: 0, to_version: 3, outcome: 'started', swapped_at: 1000 },
    { partition: 1, first_offset: 0, from_version: 0, to_version: 3, outcome: 'started', swapped_at: 1001 },
    { partition: 0, first_offset: 10, from_version: 3, to_version: 4, outcome: 'swapped', swapped_at: 1002 },
    { partition: 1, first_offset: 2, from_version: 3, to_version: 4, outcome: 'swapped', swapped_at: 1003 },
    { partition: 2, first_offset: 7, from_version: 3, to_version: 4, outcome: 'swapped' },
  ])
  expect(rows[2]).toMatchObject({ topic: 'posts', topic_id: 'T', changed_by: 'ann', reason: 'why', load_ms: 7 })
  expect(rows[2]?.swap_id).toBe(rows[3]?.swap_id)
  expect(rows[2]?.swap_id).not.toBe(rows[0]?.swap_id)
})

/**
 * Batches of 20 records each 10 ms: 2 a millisecond. A record is taken to need 50 ms, so a swap is told for what comes in 100 ms, and
 * 10 ms have passed since the last batch was begun: 220 ahead.
 */
function busy(models: ModelSwitch, advanceUs: (us: number) => void): number {
  let offset = 0
  for (; offset < 1000; offset += 20) {
    end(begin(models, 0, offset, 20))
    advanceUs(10_000)
  }
  return offset
}

test('a busy partition is recorded ahead: nobody waits, and the batch that holds the offset is scored in two parts', async () => {
  let durable = (): void => undefined
  const { models, rows, advanceUs } = switchOf(fakeScorer(1), () => new Promise((resolve) => (durable = resolve)))
  const next = busy(models, advanceUs)
  durable()
  models.swap(ready(fakeScorer(2)))
  const before = begin(models, 0, next, 200)
  expect(before.map(({ records, scorer }) => [records, scorer.version])).toEqual([[200, 1]])
  await before[0]?.recorded
  const across = begin(models, 0, next + 200, 100)
  expect(across.map(({ records, scorer }) => [records, scorer.version])).toEqual([
    [20, 1],
    [80, 2],
  ])
  let waits = true
  void across[1]?.recorded.then(() => {
    waits = false
  })
  await across[0]?.recorded
  expect(waits).toBe(true)
  durable()
  await across[1]?.recorded
  expect(rows).toEqual([])
})

test('an offset that is recorded ahead and never reached is told anew, for the next record there is', async () => {
  const { models, rows, advanceUs, clock } = switchOf(fakeScorer(1))
  const one = models.scorer
  const next = busy(models, advanceUs)
  models.swap(ready(fakeScorer(2)))
  expect(rows.at(-1)).toMatchObject({ first_offset: next + 220, to_version: 2 })
  expect(one).toMatchObject({ released: false })
  await clock.advance(1000)
  expect(one).toMatchObject({ released: true })
  expect(begin(models, 0, next).map(({ scorer }) => scorer.version)).toEqual([2])
  expect(rows.at(-1)).toMatchObject({ first_offset: next, to_version: 2, outcome: 'swapped' })
})

test('an ending holds from the next batch on, however busy the partition', () => {
  const { models, rows, advanceUs } = switchOf(fakeScorer(1))
  const watch = new Watch(Guard.parse({}), ['no', 'yes'], () => undefined)
  const next = busy(models, advanceUs)
  const scorer = fakeScorer(2)
  models.setContender({ scorer, mode: 'canary', slots: [[0, 100]], by: 'ann', reason: '', loadMs: 0, watch })
  expect(rows.at(-1)).toMatchObject({ first_offset: next + 220, outcome: 'canary_started', share: 0.01 })
  expect(begin(models, 0, next, 300).map(({ contenders }) => contenders.length)).toEqual([0, 1])
  models.endContender(2, { by: 'guard', reason: 'too slow' })
  expect(rows.at(-1)).toMatchObject({ first_offset: next + 300, outcome: 'canary_ended', reason: 'too slow' })
  expect(begin(models, 0, next + 300).map(({ contenders }) => contenders.length)).toEqual([0])
})

test('the pause is the time between the last batch before and the first one after, and none while they overlap', async () => {
  const { models, rows, advanceUs, clock } = switchOf(fakeScorer(1))
  const [zero = [], one = []] = [0, 1].map((partition) => begin(models, partition, 0))
  advanceUs(50)
  end(zero)
  models.swap(ready(fakeScorer(2)))
  advanceUs(30)
  begin(models, 0, 5)
  begin(models, 1, 5)
  end(one)
  await clock.advance(200)
  const told = rows.filter(({ outcome }) => outcome === 'took_over')
  expect(told.map(({ partition, pause_us, to_version }) => [partition, pause_us, to_version])).toEqual([
    [0, 30, 2],
    [1, 0, 2],
  ])
})

test('a change that could not be recorded fails its batches, and is recorded again with the next', async () => {
  const failure = new Error('store is away')
  const rows: SwapRow[] = []
  let away = true
  const { models } = switchOf(fakeScorer(1), async (told) => {
    if (away) throw failure
    rows.push(...told)
  })
  const first = [...begin(models, 0, 0), ...begin(models, 0, 3)]
  for (const { recorded } of first) await expect(recorded).rejects.toBe(failure)
  models.swap(ready(fakeScorer(2)))
  away = false
  for (const { recorded } of begin(models, 0, 0)) await recorded
  expect(rows).toMatchObject([{ first_offset: 0, to_version: 2 }])
})

test('a swap that could not be recorded ahead is recorded by the next batch', async () => {
  const rows: SwapRow[] = []
  let away = false
  const { models, advanceUs } = switchOf(fakeScorer(1), async (told) => {
    if (away) throw new Error('store is away')
    rows.push(...told)
  })
  const next = busy(models, advanceUs)
  away = true
  models.swap(ready(fakeScorer(2)))
  await new Promise(setImmediate)
  away = false
  expect(scorers(begin(models, 0, next)).map(({ version }) => version)).toEqual([2])
  await new Promise(setImmediate)
  expect(rows.at(-1)).toMatchObject({ first_offset: next, to_version: 2 })
})

test('of a partition that is closed nothing is told', () => {
  const { models, rows } = switchOf(fakeScorer(1))
  end(begin(models, 0, 0))
  models.forget(topic, 0)
  models.swap(ready(fakeScorer(2)))
  expect(rows).toHaveLength(1)
  begin(models, 0, 40)
  expect(rows[1]).toMatchObject({ first_offset: 40, to_version: 2 })
})

test('a version that was refused is written down beside the one that stays', async () => {
  const { models, rows } = switchOf(fakeScorer(1))
  await models.refuse(2, 'MODEL_INVALID', { alias: 'champion', by: 'ann', reason: 'no such file', loadMs: 3 })
  expect(rows).toMatchObject([{ from_version: 1, to_version: 2, outcome: 'MODEL_INVALID', reason: 'no such file' }])
})

/** Champion and slots of challengers. */
const sides = (champion: number, challengers: readonly (readonly [version: number, from: number, to: number])[]) =>
  [champion, ...challengers.map(([version, from, to]) => `${version}: ${from} to ${to}`).sort()].join(', ')

/** What the rows of `swaps` say for an offset: of those that say who scores, the last in time at or below it. */
function recordedFor(rows: readonly SwapRow[], offset: number): string | undefined {
  const row = rows
    .filter(({ outcome }) => outcome !== 'took_over')
    .sort((a, b) => a.swapped_at - b.swapped_at)
    .findLast((row) => row.first_offset <= offset)
  if (row === undefined) return undefined
  return sides(
    row.champion_version,
    row.challengers.map(({ version, slot_from, slot_to }) => [version, slot_from, slot_to]),
  )
}

test('whatever is swapped, lost or begun again, the records name the model of every row', async () => {
  const often = (weight: number, arbitrary: string) => ({ weight, arbitrary: fc.constant(arbitrary) })
  const step = fc.oneof(
    ...[often(12, 'batch'), often(12, 'write'), often(2, 'swap'), often(2, 'canary'), often(1, 'end')],
    ...['again', 'wait', 'lose', 'close'].map((rare) => often(1, rare)),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
      const rows: SwapRow[] = []
      let lost = false
      const watch = new Watch(Guard.parse({}), ['no', 'yes'], () => undefined)
      const { models, advanceUs, clock } = switchOf(fakeScorer(1), async (told) => {
        advanceUs(40_000)
        await new Promise(setImmediate)
        if (lost) {
          lost = false
          throw new Error('lost')
        }
        rows.push(...told)
      })
      const written: string[] = []
      let scored: { by: string; posts: number; lease: Lease }[] = []
      let offset = 0
      let version = 1
      const again = () => {
        for (const { lease } of scored) lease.end()
        scored = []
        offset = written.length
      }
      for (const next of steps) {
        if (next === 'swap') models.swap(ready(fakeScorer(++version)))
        else if (next === 'canary') {
          const running = models.contenders.length > 2 ? models.contenders[0]?.live.scorer : undefined
          const slots = [[0, 1 + (offset % 5000)] as const]
          const facts = { mode: 'canary', slots, by: 'ann', reason: '', loadMs: 0, watch } as const
          models.setContender({ scorer: running ?? fakeScorer(++version), ...facts })
        } else if (next === 'end') {
          const [, ended] = models.contenders
          models.endContender(ended?.live.scorer.version ?? 0, { by: 'guard', reason: '' })
        } else if (next === 'batch') {
          const posts = 1 + (offset % 40)
          for (const lease of begin(models, 0, offset, posts)) {
            const challengers = lease.contenders.flatMap(({ live, slots }) =>
              slots.map(([from, to]) => [live.scorer.version, from, to] as const),
            )
            scored.push({ by: sides(lease.scorer.version, challengers), posts: lease.records, lease })
          }
          offset += posts
          advanceUs(60_000)
        } else if (next === 'write') {
          const part = scored.shift()
          part?.lease.end()
          const durable = await part?.lease.recorded.then(
            () => true,
            () => false,
          )
          if (part !== undefined && durable === true) {
            written.push(...Array.from({ length: part.posts }, () => part.by))
          } else again()
        } else if (next === 'wait') await clock.advance(600)
        else if (next === 'lose') lost = true
        else {
          if (next === 'close') models.forget(topic, 0)
          again()
        }
      }
      expect(written.map((_, at) => recordedFor(rows, at))).toEqual(written)
    }),
    { numRuns: 300 },
  )
})
