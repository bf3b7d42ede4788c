import { expect, test } from 'vitest'
import type { ScoreRow } from '../../clickhouse/rows/scores.ts'
import { scoreRows } from '../../clickhouse/testing/score-rows.ts'
import type { LoggedRow } from '../../connectors/clickhouse.ts'
import type { Offset } from '../../connectors/event-log.ts'
import { silentLog } from '../../core/log.ts'
import type { Sink, Writer } from '../../dataflow/sink.ts'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import type { Scorer } from '../../inference/scorer.ts'
import { Guard } from '../../models/registry/traffic.ts'
import type { Contender } from './route.ts'
import { Shadows } from './shadows.ts'
import { fakeScorer } from './testing/fake-scorer.ts'
import { Watch } from './watch.ts'

const accepting: Sink<LoggedRow, Offset> = {
  name: 'accepts all',
  delivery: 'effectively-once',
  async open() {
    return {
      checkpoint: async () => undefined,
      write: async () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    }
  },
}

/** Shadows of one version that score all posts of partition 0. */
async function setup(over: { scorer?: Scorer; insert?: (rows: readonly ScoreRow[]) => Promise<void> } = {}) {
  const inserted: ScoreRow[] = []
  const clock = manualClock()
  const insert = over.insert ?? (async (rows: readonly ScoreRow[]) => void inserted.push(...rows))
  const shadows = new Shadows({ insert, clock, log: silentLog })
  const writer: Writer<LoggedRow, Offset> = await shadows.after(accepting).open('0', new AbortController().signal)
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
    written: (position: number) => writer.write([], { position, states: {} }),
  }
}

const offsets = (rows: readonly ScoreRow[]) => rows.map(({ offset }) => offset)
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

test('shadow rows come after the rows beside them are durable, with the shadow’s answer and all else alike', async () => {
  const { offer, written, clock, inserted } = await setup()
  offer(0, 10)
  offer(10, 10)
  await clock.advance(1000)
  expect(inserted).toEqual([])
  await written(10)
  await clock.advance(1000)
  expect(offsets(inserted)).toEqual(upTo(10))
  await written(20)
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
  const { offer, written, clock, inserted, counts } = await setup()
  offer(0, 10)
  offer(10, 10)
  await clock.advance(1000)
  offer(0, 15)
  await written(15)
  await clock.advance(1000)
  offer(15, 5)
  await written(20)
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
  const { offer, written, clock, inserted, counts } = await setup({ scorer })
  for (let first = 0; first < 10_000; first += 1000) offer(first, 1000)
  expect(counts.skipped).toBe(2000)
  answer()
  await written(10_000)
  await clock.advance(1000)
  expect(inserted).toHaveLength(8000)
  offer(10_000, 1000)
  await written(11_000)
  await clock.advance(1000)
  expect(inserted).toHaveLength(9000)
  expect(counts).toEqual({ scored: 9000, failed: 0, skipped: 2000 })
})

test('a shadow that throws fails on its posts, and rows that cannot be written are skipped', async () => {
  const gone = fakeScorer(2)
  await gone[Symbol.asyncDispose]()
  const failing = await setup({ scorer: gone })
  failing.offer(0, 10)
  await failing.written(10)
  await failing.clock.advance(1000)
  expect(failing.counts).toEqual({ scored: 0, failed: 10, skipped: 0 })

  const away = await setup({ insert: () => Promise.reject(new Error('store is away')) })
  away.offer(0, 10)
  await away.written(10)
  await away.clock.advance(1000)
  expect(away.counts).toEqual({ scored: 10, failed: 0, skipped: 10 })
})

test('what is ready when the job stops is still written', async () => {
  const { shadows, offer, written, clock, inserted } = await setup()
  offer(0, 10)
  await clock.advance(0)
  await written(10)
  await clock.until(shadows[Symbol.asyncDispose]())
  expect(inserted).toHaveLength(10)
})
