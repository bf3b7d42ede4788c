import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SwapRow } from '../../clickhouse/rows.ts'
import { silentLog } from '../../core/log.ts'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import { type Lease, ModelSwitch, type ReadyModel } from './swap.ts'
import { type FakeScorer, fakeScorer } from './testing/fake-scorer.ts'

const topic = { name: 'posts', id: 'T', partitions: 2 }
const ready = (scorer: FakeScorer): ReadyModel => ({ scorer, alias: 'champion', by: 'ann', reason: 'why', loadMs: 7.4 })

function switchOf(first: FakeScorer, record?: (rows: readonly SwapRow[]) => Promise<void>) {
  const rows: SwapRow[] = []
  let us = 0
  const models = new ModelSwitch({
    first: ready(first),
    record: record ?? (async (told) => void rows.push(...told)),
    clock: manualClock(1000),
    log: silentLog,
    nowUs: () => us,
  })
  const advanceUs = (by: number) => {
    us += by
  }
  return { models, rows, advanceUs }
}

test('a batch keeps the model it began with, which is released after the last of its batches', async () => {
  const [one, two] = [fakeScorer(1), fakeScorer(2)]
  const { models } = switchOf(one)
  const early = models.begin(topic, { partition: 0, offset: 0 })
  const other = models.begin(topic, { partition: 1, offset: 0 })
  models.swap(ready(two))
  const late = models.begin(topic, { partition: 0, offset: 10 })
  expect([early.scorer, late.scorer, models.scorer]).toEqual([one, two, two])
  early.end()
  expect(one.released).toBe(false)
  other.end()
  await models[Symbol.asyncDispose]()
  expect([one.released, two.released]).toEqual([true, true])
})

test('a model without batches is released at the swap', () => {
  const one = fakeScorer(1)
  const { models } = switchOf(one)
  models.swap(ready(fakeScorer(2)))
  expect(one.released).toBe(true)
})

test('each partition is recorded once per model, with its first offset', () => {
  const { models, rows } = switchOf(fakeScorer(3))
  for (const offset of [5, 9]) models.begin(topic, { partition: 0, offset }).end()
  models.swap(ready(fakeScorer(4)))
  for (const offset of [12, 20]) models.begin(topic, { partition: 0, offset }).end()
  models.begin(topic, { partition: 1, offset: 2 }).end()
  expect(rows).toMatchObject([
    { partition: 0, first_offset: 5, from_version: 0, to_version: 3, outcome: 'started', swapped_at: 1000 },
    { partition: 0, first_offset: 12, from_version: 3, to_version: 4, outcome: 'swapped', swapped_at: 1001 },
    { partition: 1, first_offset: 2, from_version: 3, to_version: 4, outcome: 'swapped', swapped_at: 1002 },
  ])
  expect(rows[1]).toMatchObject({ topic: 'posts', topic_id: 'T', changed_by: 'ann', reason: 'why', load_ms: 7 })
  expect(rows[1]?.swap_id).toBe(rows[2]?.swap_id)
  expect(rows[1]?.swap_id).not.toBe(rows[0]?.swap_id)
})

test('the pause is the time between the last batch before and the first one after, and none while they overlap', () => {
  const { models, rows, advanceUs } = switchOf(fakeScorer(1))
  const [zero, one] = [0, 1].map((partition) => models.begin(topic, { partition, offset: 0 }))
  advanceUs(50)
  zero?.end()
  models.swap(ready(fakeScorer(2)))
  advanceUs(30)
  models.begin(topic, { partition: 0, offset: 5 })
  models.begin(topic, { partition: 1, offset: 5 })
  one?.end()
  expect(rows.map(({ partition, pause_us }) => [partition, pause_us])).toEqual([
    [0, 0],
    [1, 0],
    [0, 30],
    [1, 0],
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
  const [first, second] = [0, 3].map((offset) => models.begin(topic, { partition: 0, offset }))
  await expect(first?.recorded).rejects.toBe(failure)
  await expect(second?.recorded).rejects.toBe(failure)
  away = false
  await models.begin(topic, { partition: 0, offset: 0 }).recorded
  expect(rows).toMatchObject([{ first_offset: 0, to_version: 1 }])
})

test('a version that was refused is written down beside the one that stays', async () => {
  const { models, rows } = switchOf(fakeScorer(1))
  await models.refuse(2, 'MODEL_INVALID', { alias: 'champion', by: 'ann', reason: 'no such file', loadMs: 3 })
  expect(rows).toMatchObject([{ from_version: 1, to_version: 2, outcome: 'MODEL_INVALID', reason: 'no such file' }])
})

/** The version that the rows of `swaps` name for an offset: the last in time at or below it. */
const recordedFor = (rows: readonly SwapRow[], offset: number): number | undefined =>
  [...rows].sort((a, b) => a.swapped_at - b.swapped_at).findLast((row) => row.first_offset <= offset)?.to_version

test('whatever is swapped, lost or begun again, the records name the model of every row', () => {
  const step = fc.constantFrom('batch', 'write', 'swap', 'again')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { models, rows } = switchOf(fakeScorer(1))
      const written: number[] = []
      let scored: { version: number; posts: number; lease: Lease }[] = []
      let offset = 0
      let version = 1
      for (const next of steps) {
        if (next === 'swap') models.swap(ready(fakeScorer(++version)))
        else if (next === 'batch') {
          const lease = models.begin(topic, { partition: 0, offset })
          const posts = 1 + (offset % 3)
          scored.push({ version: lease.scorer.version, posts, lease })
          offset += posts
        } else if (next === 'write') {
          const batch = scored.shift()
          batch?.lease.end()
          if (batch !== undefined) written.push(...Array.from({ length: batch.posts }, () => batch.version))
        } else {
          for (const { lease } of scored) lease.end()
          scored = []
          offset = written.length
        }
      }
      expect(written.map((_, at) => recordedFor(rows, at))).toEqual(written)
    }),
  )
})
