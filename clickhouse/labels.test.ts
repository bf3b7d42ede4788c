import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertLabels } from './labels.ts'
import { migrate } from './migrate.ts'
import { select } from './queries.ts'
import type { LabelRow } from './rows/labels.ts'
import type { ScoreRow } from './rows/scores.ts'
import { hostileValues } from './testing/hostile-values.ts'
import { scoreRows } from './testing/score-rows.ts'
import { type TestStore, testStore } from './testing/test-store.ts'

const noon = Date.UTC(2026, 0, 1, 12)
const minute = 60_000
const everything = { from_ms: 0, to_ms: noon * 2 }

let store: TestStore
let client: ClickHouseClient
let post = 0

beforeAll(async () => {
  store = await testStore('driftline_labels')
  client = store.client({ database: 'driftline_labels' })
  await migrate(client, 'driftline_labels')
})
afterAll(async () => store[Symbol.asyncDispose]())

const answer = (over: Partial<LabelRow>): LabelRow => ({
  post_id: 'p',
  labelled_by: 'ada',
  labelled_at: noon,
  label: 'positive',
  text: 'what a day',
  event_at: noon - minute,
  origin: 'review',
  selection_probability: 1,
  note: '',
  ...over,
})
const score = (over: Partial<ScoreRow>): ScoreRow =>
  ({ ...scoreRows(0, 1)[0], event_at: noon - minute, ...over }) as ScoreRow
const insertScores = (values: readonly ScoreRow[]) =>
  client.insert({ table: 'scores', values: [...values], format: 'JSONEachRow' })

/** The effective label of a post that nobody else uses. */
async function effective(...answers: readonly Partial<LabelRow>[]) {
  const post_id = `post ${post++}`
  await insertLabels(
    client,
    answers.map((one) => answer({ post_id, ...one })),
  )
  return (await select(client, 'labels_effective', everything)).find((row) => row.post_id === post_id)
}

describe('the effective label', () => {
  test('is what most people say, with how many agree', async () => {
    const found = await effective(
      { labelled_by: 'ada' },
      { labelled_by: 'ben', label: 'negative' },
      { labelled_by: 'cem', labelled_at: noon + 5 },
    )
    expect(found).toMatchObject({ label: 'positive', answers: 3, agreeing: 2, tied: false, adjudicated: false })
    expect(found).toMatchObject({ text: 'what a day', event_at_ms: noon - minute, labelled_at_ms: noon + 5 })
  })

  test('is none when two classes lead, and that is marked', async () => {
    const found = await effective({ labelled_by: 'ada' }, { labelled_by: 'ben', label: 'negative' })
    expect(found).toMatchObject({ label: '', answers: 2, agreeing: 1, tied: true })
  })

  test('is what an adjudicator says, the newest of several, against any majority', async () => {
    const found = await effective(
      { labelled_by: 'ada' },
      { labelled_by: 'ben' },
      { labelled_by: 'eve', label: 'negative', origin: 'adjudication', labelled_at: noon - 9 },
      { labelled_by: 'fay', label: 'neutral', origin: 'adjudication', labelled_at: noon - 5 },
    )
    expect(found).toMatchObject({ label: 'neutral', answers: 4, agreeing: 1, tied: false, adjudicated: true })
    expect(found?.origins).toEqual(['adjudication', 'review'])
  })

  test('takes the last word of each person', async () => {
    const found = await effective(
      { label: 'negative', labelled_at: noon + 1 },
      { label: 'positive', labelled_at: noon + 2 },
      { label: 'neutral', labelled_at: noon },
    )
    expect(found).toMatchObject({ label: 'positive', answers: 1, agreeing: 1 })
  })

  test('is gone when the only answer was withdrawn', async () => {
    expect(await effective({}, { label: '', labelled_at: noon + 1 })).toBeUndefined()
  })

  test('keeps the probability with which the post was chosen; one that was certain stays certain', async () => {
    const one = await effective({ selection_probability: 0.125 }, { labelled_by: 'ben', selection_probability: 0.125 })
    expect(one?.selection_probability).toBe(0.125)
    const both = await effective({ selection_probability: 0.125 }, { labelled_by: 'file', origin: 'import' })
    expect(both).toMatchObject({ selection_probability: 1, origins: ['import', 'review'] })
  })

  test('may be older than its post: clocks differ', async () => {
    const found = await effective({ labelled_at: noon - 10 * minute })
    expect(found).toMatchObject({ labelled_at_ms: noon - 10 * minute, event_at_ms: noon - minute })
  })
})

test('a label may come before its post: the text is found once the post was scored', async () => {
  await insertLabels(client, [answer({ post_id: 'early', text: '', event_at: 0 })])
  const labels = async () =>
    (await select(client, 'labels_effective', everything)).filter((row) => row.post_id === 'early')
  expect(await labels()).toMatchObject([{ text: '', event_at_ms: 0, label: 'positive' }])
  await insertScores([score({ post_id: 'early', text: 'here I am', event_at: noon })])
  expect(await labels()).toMatchObject([{ text: 'here I am', event_at_ms: noon, label: 'positive' }])
})

test('writing the same answers again changes nothing', async () => {
  const rows = [answer({ post_id: 'again' }), answer({ post_id: 'again', labelled_by: 'ben' })]
  for (let n = 0; n < 3; n++) await insertLabels(client, rows)
  const found = await select(client, 'labels_effective', everything)
  expect(found.filter((row) => row.post_id === 'again')).toMatchObject([{ answers: 2 }])
})

test('whatever is in a post, a name or a note comes back as it went', async () => {
  const rows = hostileValues.map((value, n) =>
    answer({ post_id: `hostile ${n} ${value}`, labelled_by: value, text: `x${value}`, note: value }),
  )
  await insertLabels(client, rows)
  const found = new Map((await select(client, 'labels_effective', everything)).map((row) => [row.post_id, row]))
  for (const row of rows) expect(found.get(row.post_id)).toMatchObject({ text: row.text, answers: 1 })
})

test('a table that is not there is told as what it is', async () => {
  const elsewhere = store.client({ database: 'nowhere' })
  await expect(insertLabels(elsewhere, [answer({})])).rejects.toMatchObject({ code: 'WRITE_REJECTED' })
})

describe('labelled scores', () => {
  const version = { model_name: 'm', model_version: 2, from_ms: noon, to_ms: noon + minute }
  const found = async (over = {}) => select(client, 'labelled_scores', { ...version, ...over })

  beforeAll(async () => {
    const at = { model_name: 'm', model_version: 2, event_at: noon + 5 }
    await insertScores([
      score({ ...at, post_id: 'seen', label: 'negative', offset: 1, scored_at: noon + 10 }),
      score({
        ...at,
        post_id: 'seen',
        label: 'positive',
        offset: 1,
        model_version: 3,
        scored_at: noon + 10,
        shadow: 1,
      }),
      score({ ...at, post_id: 'twice', label: 'negative', offset: 2, scored_at: noon + 20 }),
      score({ ...at, post_id: 'twice', label: 'neutral', offset: 3, scored_at: noon + 30 }),
      score({ ...at, post_id: 'twice', label: 'positive', offset: 4, scored_at: noon + 40, shadow: 1 }),
      score({ ...at, post_id: 'split', offset: 5 }),
      score({ ...at, post_id: 'late', offset: 6, event_at: noon + minute }),
      score({ ...at, post_id: 'nobody asked', offset: 7 }),
    ])
    const labels = ['seen', 'twice', 'split', 'late', 'never scored'].map((post_id) =>
      answer({ post_id, selection_probability: 0.25 }),
    )
    await insertLabels(client, [...labels, answer({ post_id: 'split', labelled_by: 'ben', label: 'negative' })])
  })

  test('are those of one version and window, one a post; tied and unlabelled posts are left out', async () => {
    expect(await found()).toMatchObject([
      { post_id: 'seen', label: 'positive', predicted: 'negative', selection_probability: 0.25, model_version: 2 },
      { post_id: 'twice', label: 'positive', predicted: 'neutral', shadow: false },
    ])
  })

  test('of a challenger are those of its shadow rows', async () => {
    expect(await found({ model_version: 3 })).toMatchObject([{ post_id: 'seen', predicted: 'positive', shadow: true }])
  })

  test('of a window without any are none', async () => {
    expect(await found({ from_ms: noon + 2 * minute, to_ms: noon + 3 * minute })).toEqual([])
  })
})
