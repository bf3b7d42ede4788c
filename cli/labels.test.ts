import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { migrate } from '../clickhouse/migrate.ts'
import { scoreRows } from '../clickhouse/testing/score-rows.ts'
import { type TestStore, testStore } from '../clickhouse/testing/test-store.ts'
import { packageRoot } from '../core/package-root.ts'
import { seededRandom } from '../core/random.ts'
import { readLabelledPosts, split } from '../training/data.ts'

const database = 'driftline_labels_verbs'
const noon = Date.UTC(2026, 0, 1, 12)
let folder: string
let store: TestStore
let client: ClickHouseClient

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-labels-'))
  store = await testStore(database)
  client = store.client({ database })
  await migrate(client, database)
})
afterAll(async () => {
  await store[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  for (const table of ['scores', 'labels', 'review_queue']) await client.command({ query: `TRUNCATE TABLE ${table}` })
  const posts = scoreRows(0, 20).map((row, n) => ({
    ...row,
    post_id: `p${n}`,
    text: `text of ${n}`,
    event_at: noon + n,
  }))
  await client.insert({ table: 'scores', values: posts, format: 'JSONEachRow' })
})

async function labels(args: readonly string[], input = '') {
  const { data, clickhouseUrl } = store.config
  const child = spawn(process.execPath, [join(packageRoot, 'bin/driftline.js'), 'labels', ...args], {
    env: {
      PATH: process.env.PATH,
      DRIFTLINE_DATA: data,
      DRIFTLINE_DATABASE: database,
      DRIFTLINE_MODEL: join(packageRoot, 'test/fixtures/models/bag'), // its classes: negative, neutral, positive
      ...(clickhouseUrl === undefined ? {} : { DRIFTLINE_CLICKHOUSE_URL: clickhouseUrl }),
    },
  })
  child.stdin.end(input)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { stdout, stderr, code }
}
async function take(rows: readonly object[], ...args: readonly string[]) {
  const input = rows.map((row) => JSON.stringify(row)).join('\n')
  const { stdout, stderr, code } = await labels(['import', '-', '--json', ...args], input)
  return { code, ...(stdout === '' ? { stderr } : JSON.parse(stdout)) }
}
const stored = async () =>
  (await (
    await client.query({ query: 'SELECT * FROM labels FINAL ORDER BY ALL', format: 'JSONEachRow' })
  ).json()) as object[]
const file = async (name: string, content: string | Buffer) => {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}

describe('import', () => {
  test('takes CSV and JSON Lines, packed or not, with the text and time of the posts', async () => {
    const csv = 'post_id,label,by,at\np1,positive,ada,2026-01-02T00:00:00Z\np2,negative,ben,1767312000000\n'
    const packed = await file('answers.csv.gz', gzipSync(csv))
    const { code, stdout } = await labels(['import', packed])
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: '2 rows: 2 labels added, 0 changed, 0 as before\n  positive 1, negative 1\n',
    })
    expect(await take([{ id: 'p1', label: 'positive' }], '--by', 'eve', '--origin', 'adjudication')).toMatchObject({
      code: 0,
      added: 1,
    })
    expect(await stored()).toMatchObject([
      { post_id: 'p1', labelled_by: 'ada', labelled_at: '2026-01-02 00:00:00.000', text: 'text of 1' },
      { post_id: 'p1', labelled_by: 'eve', origin: 'adjudication', event_at: '2026-01-01 12:00:00.001' },
      { post_id: 'p2', labelled_by: 'ben', label: 'negative', selection_probability: 1, origin: 'import' },
    ])
  })

  test('a second time changes nothing, also where the rows have no time and contradict each other', async () => {
    const rows = [
      { id: 'p1', label: 'positive' },
      { id: 'p1', label: 'negative' },
      { id: 'p2', label: 'neutral', by: 'ada', at: noon, note: 'irony?', probability: 0.1 },
      { id: 'nobody', label: 'neutral', text: 'not seen yet', ts: '2026-01-01T00:00:00Z' },
    ]
    expect(await take(rows)).toMatchObject({ added: 4, disagreements: 1, unknownPosts: 1, code: 0 })
    const before = await stored()
    expect(await take(rows)).toMatchObject({ added: 0, changed: 0, unchanged: 4, disagreements: 1, code: 0 })
    expect(await stored()).toEqual(before)
    expect(before).toMatchObject([
      { post_id: 'nobody', text: 'not seen yet', event_at: '2026-01-01 00:00:00.000' },
      { post_id: 'p1', labelled_by: 'import', label: 'positive' },
      { post_id: 'p1', labelled_by: 'import#2', label: 'negative' },
      { post_id: 'p2', labelled_by: 'ada', note: 'irony?' },
    ])
  })

  test('lists what it refuses with its line, takes the rest, and fails', async () => {
    const rows = [
      '{"id":"p1","label":"positive"}',
      '{"id":"p2","label":"happy"}',
      'not JSON',
      '',
      '{"label":"positive"}',
      '{"id":"p3","label":"neutral","at":"yesterday","probability":2}',
      '{"id":"p4","label":null}',
    ]
    const bad = await file('mixed.jsonl', rows.join('\n'))
    const refused = join(folder, 'refused.jsonl')
    const { code, stdout, stderr } = await labels(['import', bad, '--refused', refused])
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout).toContain('6 rows: 1 labels added')
    expect(stdout).toContain('1 without a label; passed over')
    expect(stdout).toContain('mixed.jsonl line 2: "happy" is none of the classes negative, neutral, positive')
    expect(stdout).toContain('mixed.jsonl line 3: is not JSON')
    expect(stdout).toContain('mixed.jsonl line 5: id names no post: id or post_id')
    expect(stdout).toMatch(/line 6: at must be ISO 8601.*; probability must be above 0 and at most 1/)
    const kept = (await readFile(refused, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(kept.map(({ row }) => row)).toEqual([rows[1], rows[2], rows[4], rows[5]])
    expect(await stored()).toHaveLength(1)
  })

  test('a dry run tells the same and writes nothing', async () => {
    const rows = [{ id: 'p1', label: 'positive' }]
    expect(await take(rows, '--dry-run')).toMatchObject({ dryRun: true, added: 1 })
    expect(await stored()).toEqual([])
  })

  test('a label older than its post is kept and counted; an answer older than the last one is not taken', async () => {
    expect(await take([{ id: 'p1', label: 'positive', at: noon - 1000 }])).toMatchObject({ added: 1, beforePost: 1 })
    expect(await take([{ id: 'p1', label: 'negative', at: noon - 2000 }])).toMatchObject({ added: 0, outdated: 1 })
    expect(await stored()).toMatchObject([{ label: 'positive', labelled_at: '2026-01-01 11:59:59.000' }])
  })

  test('answers to what the queue asked keep the probability of the queue', async () => {
    await client.insert({
      table: 'review_queue',
      values: [{ post_id: 'p5', text: 'text of 5', event_at: noon, queued_at: noon, selection_probability: 0.25 }],
      format: 'JSONEachRow',
    })
    await take([{ id: 'p5', label: 'positive' }], '--origin', 'review')
    expect(await stored()).toMatchObject([{ origin: 'review', selection_probability: 0.25 }])
  })

  test('more posts than fit into one look-up, with ids that no URL would take', async () => {
    const rows = Array.from({ length: 2500 }, (_, n) => ({ id: `id ' \\ \n${n} é🙂`, label: 'neutral', text: 'x' }))
    expect(await take(rows)).toMatchObject({ added: 2500, unknownPosts: 2500 })
    expect(await take(rows)).toMatchObject({ added: 0, unchanged: 2500 })
  })

  test('a file that is not there, and one whose name tells no format', async () => {
    expect(await labels(['import', join(folder, 'none.csv')])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('SOURCE_UNAVAILABLE'),
    })
    expect(await labels(['import', join(folder, 'answers.txt')])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('add --format'),
    })
  })
})

test('status counts answers, people and agreement', async () => {
  const answers = (by: string, labels: readonly string[]) =>
    labels.map((label, n) => ({ id: `p${n}`, label, by, origin: 'review' }))
  await take([
    ...answers('ada', ['positive', 'negative', 'neutral', 'positive']),
    ...answers('ben', ['positive', 'negative', 'positive']),
  ])
  expect((await labels(['status'])).stdout.split('\n')).toEqual([
    '4 posts labelled',
    'review: 0 of 0 posts answered',
    '  ada: 4 answers, 0 passed over',
    '  ben: 3 answers, 0 passed over',
    'agreement on 3 posts with several answers: 66.7 % of pairs, Krippendorff’s α 0.545',
    'ties to settle: 1',
    '',
  ])
})

describe('export', () => {
  const answers = [
    { id: 'p1', label: 'positive', by: 'ada' },
    { id: 'p1', label: 'positive', by: 'ben' },
    { id: 'p1', label: 'negative', by: 'cem' },
    { id: 'p2', label: 'negative', by: 'ada' },
    { id: 'p2', label: 'neutral', by: 'ben' },
    { id: 'p3', label: 'neutral', by: 'ada' },
    { id: 'unseen', label: 'neutral', by: 'ada' },
  ]

  test('writes what training takes; what has no label or no text is left out and counted', async () => {
    await take(answers)
    const out = join(folder, 'out.jsonl.gz')
    const { code, stderr } = await labels(['export', '--out', out])
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: '2 posts; left out: 1 on which answers tie, 1 without a text\n',
    })
    const { posts } = await readLabelledPosts(out)
    expect(posts).toEqual([
      { text: 'text of 1', label: 'positive', atMs: noon + 1 },
      { text: 'text of 3', label: 'neutral', atMs: noon + 3 },
    ])
    expect(split(posts, { fromMs: noon + 2 }, seededRandom(1)).heldOut).toHaveLength(1)
  })

  test('by agreement, answers, origin and time', async () => {
    await take(answers)
    const ids = async (...args: string[]) =>
      (await labels(['export', ...args])).stdout
        .split('\n')
        .filter(Boolean)
        .map((row) => JSON.parse(row).id)
    const [between, origin] = [new Date(noon + 2).toISOString(), ['--origin', 'import']]
    expect(await ids('--min-agreement', '0.7', ...origin)).toEqual(['p3'])
    expect(await ids('--min-answers', '2', '--until', between)).toEqual(['p1'])
    expect(await ids('--origin', 'review')).toEqual([])
    expect(await ids('--since', between)).toEqual(['p3'])
  })

  test('every answer goes out and comes back as it was', async () => {
    await take([
      ...answers,
      { id: 'p4', label: 'neutral', by: 'eve', origin: 'adjudication', probability: 0.3, note: 'ä "q", x' },
    ])
    const before = await stored()
    const { stdout } = await labels(['export', '--answers'])
    await client.command({ query: 'TRUNCATE TABLE labels' })
    const back = await labels(['import', '-', '--json'], stdout)
    expect(JSON.parse(back.stdout)).toMatchObject({ added: 8, refused: [] })
    expect(await stored()).toEqual(before)
  })
})
