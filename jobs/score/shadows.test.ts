import { expect, test } from 'vitest'
import type { ScoreRow } from '../../clickhouse/rows/scores.ts'
import { scoreRows } from '../../clickhouse/testing/score-rows.ts'
import type { LoggedRow } from '../../connectors/clickhouse.ts'
import { silentLog } from '../../core/log.ts'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import type { Scorer } from '../../inference/scorer.ts'
import { Guard } from '../../models/registry/traffic.ts'
import type { Contender } from './route.ts'
import { Shadows } from './shadows.ts'
import { fakeScorer } from './testing/fake-scorer.ts'
import { Watch } from './watch.ts'

/** Shadows of one version that score all posts of partition 0. */
function setup(over: { scorer?: Scorer; insert?: (rows: readonly ScoreRow[]) => Promise<void> } = {}) {
  const inserted: ScoreRow[] = []
  const clock = manualClock()
  const insert = over.insert ?? (async (rows: readonly ScoreRow[]) => void inserted.push(...rows))
  const shadows = new Shadows({ insert, clock, log: silentLog })
  const watch = new Watch(Guard.parse({}), ['no', 'yes'], () => undefined)
  const shadow: Contender = {
    ...{ id: 's', mode: 'shadow', by: 'ann', reason: '', loadMs: 0, watch },
    live: { scorer: over.scorer ?? fakeScorer(2), batches: 0 },
    slots: [[0, 10_000]],
  }
  const batch = (first: number, count: number) =>
    scoreRows(first, count).map((row): LoggedRow => ({ table: 'scores', row }))
  return {
    shadows,
    clock,
    inserted,
    counts: watch.counts,
    offer: (first: number, count: number) =>
      shadows.offer({ scorer: fakeScorer(1), contenders: [shadow] }, 0, batch(first, count)),
    close: () => shadows.forget(0),
    written: (position: number) => shadows.written(0, position),
  }
}

const offsets = (rows: readonly ScoreRow[]) => rows.map(({ offset }) => offset)
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

test('shadow rows come after the rows beside them are durable, with the shadow’s answer and all else alike', async () => {
  const { offer, written, clock, inserted } = setup()
  offer(0, 10)
  offer(10, 10)
  await clock.advance(1000)
  expect(inserted).toEqual([])
  written(10)
  await clock.advance(1000)
  expect(offsets(inserted)).toEqual(upTo(10))
  written(20)
  await clock.advance(1000)
  expect(offsets(inserted)).toEqual(upTo(20))
  const [row] = scoreRows(0, 1)
  expect(inserted[0]).toMatchObject({
    post_id: row?.post_id,
    shadow: 1,
    model_version: 2,
    label: 'yes',
    stood_in_for: 0,
  })
})

test('a batch that is scored again leaves one row for each post', async () => {
  const { offer, written, close, clock, inserted, counts } = setup()
  offer(0, 10)
  offer(10, 10)
  await clock.advance(1000)
  close()
  offer(0, 15)
  written(15)
  await clock.advance(1000)
  offer(15, 5)
  written(20)
  await clock.advance(1000)
  expect(offsets(inserted)).toEqual(upTo(20))
  expect(counts.skipped).toBe(0)
})

test('a shadow that does not keep up skips posts, and has room again once it does', async () => {
  let answer = (): void => undefined
  const slow = fakeScorer(2)
  const gate = new Promise<void>((resolve) => {
    answer = resolve
  })
  const scorer = { ...slow, score: (texts: readonly string[]) => gate.then(() => slow.score(texts)) }
  const { offer, written, clock, inserted, counts } = setup({ scorer })
  for (let first = 0; first < 10_000; first += 1000) offer(first, 1000)
  expect(counts.skipped).toBe(2000)
  answer()
  written(10_000)
  await clock.advance(1000)
  expect(inserted).toHaveLength(8000)
  offer(10_000, 1000)
  written(11_000)
  await clock.advance(1000)
  expect(inserted).toHaveLength(9000)
  expect(counts).toEqual({ scored: 9000, failed: 0, skipped: 2000 })
})

test('a shadow that throws fails on its posts, and rows that cannot be written are skipped', async () => {
  const gone = fakeScorer(2)
  await gone[Symbol.asyncDispose]()
  const failing = setup({ scorer: gone })
  failing.offer(0, 10)
  failing.written(10)
  await failing.clock.advance(1000)
  expect(failing.counts).toEqual({ scored: 0, failed: 10, skipped: 0 })

  const away = setup({ insert: () => Promise.reject(new Error('store is away')) })
  away.offer(0, 10)
  away.written(10)
  await away.clock.advance(1000)
  expect(away.counts).toEqual({ scored: 10, failed: 0, skipped: 10 })
})

test('what is ready when the job stops is still written', async () => {
  const { shadows, offer, written, clock, inserted } = setup()
  offer(0, 10)
  await clock.advance(0)
  written(10)
  await clock.until(shadows[Symbol.asyncDispose]())
  expect(inserted).toHaveLength(10)
})

/** A scorer that answers when it is told to. */
function gated() {
  const scorer = fakeScorer(2)
  let open = (): void => undefined
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, scorer: { ...scorer, score: (texts: readonly string[]) => gate.then(() => scorer.score(texts)) } }
}

test('a partition that another process goes on with leaves no rows of posts that were not durable here', async () => {
  const { offer, written, close, clock, inserted } = setup()
  offer(0, 10)
  offer(10, 10)
  written(10)
  close()
  await clock.advance(1000)
  offer(30, 10) // it is back, after the other has scored 10 to 29
  written(40)
  await clock.advance(1000)
  expect(offsets(inserted)).toEqual([...upTo(10), ...upTo(10).map((offset) => 30 + offset)])
})

test('posts that are durable have their shadow rows, also when the batch after them is scored again', async () => {
  const { open, scorer } = gated()
  const { offer, written, close, clock, inserted } = setup({ scorer })
  offer(0, 10)
  offer(10, 10)
  written(10)
  close()
  offer(10, 10)
  open()
  written(20)
  await clock.advance(1000)
  expect(offsets(inserted)).toEqual(upTo(20))
})

test('batches may be scored in another order than they came in', async () => {
  const { offer, written, clock, inserted } = setup()
  offer(10, 10)
  await clock.advance(1000)
  offer(0, 10)
  written(20)
  await clock.advance(1000)
  expect(offsets(inserted)).toEqual([...upTo(10).map((offset) => 10 + offset), ...upTo(10)])
})
