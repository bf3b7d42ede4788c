import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LogRecord, TopicInfo } from '../../connectors/event-log.ts'
import { DriftlineError } from '../../core/errors.ts'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import type { Scored, Scorer } from '../../inference/scorer.ts'
import { deadPostRecord } from '../../text/dead-post.ts'
import { parseRecord } from './parse.ts'
import { deadRow, scoreBatch } from './rows.ts'
import type { ModelSwitch } from './swap.ts'

const topic: TopicInfo = { name: 'posts', id: 'T', partitions: 4 }
const clock = manualClock(1_700_000_000_000)

const record = (offset: number, value: string | Uint8Array): LogRecord => ({
  partition: 2,
  offset,
  appendedAtMs: 1_600_000_000_000 + offset,
  key: null,
  value: typeof value === 'string' ? Buffer.from(value) : value,
})
const post = (offset: number, text = `text ${offset}`) =>
  record(offset, JSON.stringify({ id: `id-${offset}`, text, createdAt: 1_500_000_000_000, source: 'test' }))

const scored: Scored = {
  label: 'positive',
  confidence: 0.75,
  probabilities: [0.25, 0.75],
  margin: 0.5,
  tokens: 3,
  unknownTokens: 1,
  inferenceUs: 12.6,
}

const leasing = (current: () => Scorer): Pick<ModelSwitch, 'begin'> => ({
  begin: (_, batch) => [
    {
      records: batch.length,
      scorer: current(),
      contenders: [],
      recorded: Promise.resolve(),
      end: () => undefined,
    },
  ],
})

/** Scores every text but those that hold `poison`. */
function scorer(version = 1): Scorer & { readonly calls: (readonly string[])[] } {
  const calls: (readonly string[])[] = []
  return {
    calls,
    name: 'scripted',
    version,
    labels: ['negative', 'positive'],
    provider: 'cpu',
    workers: 1,
    variant: 'fp32',
    toForeground: () => true,
    grow: async () => undefined,
    async score(texts) {
      calls.push(texts)
      return texts.map((text) =>
        text.includes('poison') ? new DriftlineError('INFERENCE_FAILED', { reason: 'scripted' }) : scored,
      )
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

test('every record becomes exactly one row, in order, at its own position, whatever it holds', async () => {
  const anyValue = fc.oneof(
    fc.string({ unit: 'binary' }).map((text) => JSON.stringify({ id: 'x', text, createdAt: 5, source: 's' })),
    fc
      .constantFrom('a fine text', 'poison')
      .map((text) => JSON.stringify({ id: 'x', text, createdAt: 5, source: 's' })),
    fc.json(),
    fc.uint8Array({ maxLength: 40 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(anyValue, { maxLength: 30 }), fc.nat(1e9), async (values, first) => {
      const records = values.map((value, index) => record(first + index, value))
      const rows = await scoreBatch(
        leasing(() => scorer()),
        topic,
        clock,
      )(records.map(parseRecord))
      expect(rows.map(({ row }) => row)).toMatchObject(
        records.map(({ offset }) => ({ topic: 'posts', topic_id: 'T', partition: 2, offset })),
      )
      for (const [index, { table, row }] of rows.entries()) {
        if (table === 'dead_posts')
          expect(Buffer.from(row.raw_base64, 'base64')).toEqual(Buffer.from(records[index]?.value ?? []))
        else expect(JSON.parse(Buffer.from(records[index]?.value ?? []).toString())).toMatchObject({ text: row.text })
      }
    }),
  )
})

test('a score carries the post, its result and where it came from', async () => {
  const value = {
    id: 'a',
    text: 'what a #Fine day https://example.org',
    createdAt: '2024-05-01T12:00:00.123Z',
    source: 'file',
    lang: 'en',
    author: 'hash',
    label: 'positive',
    meta: { likes: 3, verified: true, place: null },
  }
  const [row] = await scoreBatch(
    leasing(() => scorer(7)),
    topic,
    clock,
  )([parseRecord(record(5, JSON.stringify(value)))])
  expect(row).toEqual({
    table: 'scores',
    row: {
      post_id: 'a',
      event_at: Date.parse(value.createdAt),
      ingested_at: 1_600_000_000_005,
      scored_at: 1_700_000_000_000,
      source: 'file',
      lang: 'en',
      author: 'hash',
      text: value.text,
      hashtags: ['fine'],
      given_label: 'positive',
      meta: { likes: '3', verified: 'true', place: 'null' },
      label: 'positive',
      confidence: 0.75,
      probabilities: [0.25, 0.75],
      margin: 0.5,
      tokens: 3,
      unknown_tokens: 1,
      signals: expect.objectContaining({ urls: 1 }),
      model_name: 'scripted',
      model_version: 7,
      shadow: 0,
      stood_in_for: 0,
      topic: 'posts',
      topic_id: 'T',
      partition: 2,
      offset: 5,
      batch_id: 'posts-2-5',
      inference_us: 13,
    },
  })
})

test('poison in a batch costs only itself: the others are scored, it is kept with its reason and bytes', async () => {
  const batch = [post(0), record(1, 'no json'), post(2, 'a poison pill'), post(3)]
  const model = scorer()
  const rows = await scoreBatch(
    leasing(() => model),
    topic,
    clock,
  )(batch.map(parseRecord))
  expect(model.calls).toEqual([['text 0', 'a poison pill', 'text 3']])
  expect(rows.map(({ table }) => table)).toEqual(['scores', 'dead_posts', 'dead_posts', 'scores'])
  expect(rows[1]?.row).toMatchObject({ code: 'POST_INVALID', stage: 'score', dead_at: 1_700_000_000_000 })
  expect(rows[2]?.row).toMatchObject({
    code: 'INFERENCE_FAILED',
    reason: expect.stringContaining('scripted'),
    origin: 'topic posts partition 2 offset 2',
    raw_base64: Buffer.from(batch[2]?.value ?? []).toString('base64'),
    raw_bytes: batch[2]?.value.length,
  })
})

test('of a huge record that is no post the first 64 KiB are kept, and its size', async () => {
  const huge = Buffer.alloc(200_000, 'x')
  const [row] = await scoreBatch(
    leasing(() => scorer()),
    topic,
    clock,
  )([parseRecord(record(0, huge))])
  expect(row?.row).toMatchObject({ raw_base64: huge.subarray(0, 65_536).toString('base64'), raw_bytes: 200_000 })
})

test('a batch without a single post asks no model', async () => {
  const model = scorer()
  const rows = await scoreBatch(
    leasing(() => model),
    topic,
    clock,
  )([record(0, ''), record(1, '{}')].map(parseRecord))
  expect(rows.map(({ table }) => table)).toEqual(['dead_posts', 'dead_posts'])
  expect(model.calls).toEqual([])
})

test('a batch is scored and named by one model, also when another takes over while it is scored', async () => {
  const [old, next] = [scorer(1), scorer(2)]
  let current: Scorer = old
  const swapping: Scorer = {
    ...old,
    score: async (texts) => {
      current = next
      return old.score(texts)
    },
  }
  current = swapping
  const score = scoreBatch(
    leasing(() => current),
    topic,
    clock,
  )
  const versions = async (first: number) =>
    (await score([post(first), post(first + 1)].map(parseRecord))).map(
      ({ row }) => 'model_version' in row && row.model_version,
    )
  expect(await versions(0)).toEqual([1, 1])
  expect(await versions(2)).toEqual([2, 2])
})

test.each([
  ['too few', (texts: readonly string[]) => texts.slice(1).map(() => scored)],
  ['too many', (texts: readonly string[]) => [...texts, 'one more'].map(() => scored)],
])('a scorer that returns %s results is a bug, not rows that are shifted', async (_, answer) => {
  const model: Scorer = { ...scorer(), score: async (texts) => answer(texts) }
  await expect(
    scoreBatch(
      leasing(() => model),
      topic,
      clock,
    )([post(0), post(1)].map(parseRecord)),
  ).rejects.toThrow('results for 2')
})

test('what ingest refused becomes the row it wrote', () => {
  const value = deadPostRecord({
    stage: 'ingest',
    code: 'POST_INVALID',
    reason: 'id is missing',
    origin: 'file a.jsonl line 7',
    raw: Buffer.from('{"text":"a"}'),
    rawBytes: 99,
    deadAt: 42,
  })
  expect(deadRow({ ...topic, name: 'posts.dead' }, clock)(record(8, value))).toEqual({
    table: 'dead_posts',
    row: {
      dead_at: 42,
      stage: 'ingest',
      code: 'POST_INVALID',
      reason: 'id is missing',
      origin: 'file a.jsonl line 7',
      raw_base64: Buffer.from('{"text":"a"}').toString('base64'),
      raw_bytes: 99,
      topic: 'posts.dead',
      topic_id: 'T',
      partition: 2,
      offset: 8,
    },
  })
})

test.each([
  ['no JSON', Buffer.from('foreign')],
  ['JSON of another shape', Buffer.from('{"reason":"because"}')],
  ['bytes that are no text', Buffer.of(0xff, 0)],
  ['nothing', Buffer.alloc(0)],
])('a record of the dead topic that is %s is kept as it came', (_, value) => {
  expect(deadRow(topic, clock)(record(3, value)).row).toMatchObject({
    stage: 'score',
    code: 'POST_INVALID',
    reason: 'a record of the dead topic that ingest did not write',
    origin: 'topic posts partition 2 offset 3',
    raw_base64: value.toString('base64'),
    raw_bytes: value.length,
    offset: 3,
  })
})
