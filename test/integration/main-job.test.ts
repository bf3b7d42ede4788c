import { rmSync, writeFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { startStoreProcess } from '../../clickhouse/embedded/start.ts'
import { readStoreAddress } from '../../clickhouse/store-file.ts'
import type { ScoreSummary } from '../../jobs/score/main.ts'
import type { Verification } from '../../jobs/score/verify.ts'
import { Workplace } from './driftline.ts'

// One data folder through its life: each test goes on where the one before it stopped.
const place = new Workplace()
afterAll(() => place[Symbol.asyncDispose]())

const posts = 3000
const texts = ['the best #flight ever', 'a bad seat 😡', 'it was ok, #flight #late', 'Größe & Güte "quoted"']
const rowOf = (n: number) => {
  if (n % 100 === 7) return `no post ${n}`
  const text = n % 500 === 3 ? `a poison pill ${n}` : `${texts[n % texts.length]} ${n}`
  return JSON.stringify({ id: `p${n}`, text, createdAt: Date.UTC(2025, 0, 1) + n * 1000 })
}
const refused = posts / 100
const poison = posts / 500
const good = posts - refused - poison
writeFileSync(place.path('posts.jsonl'), Array.from({ length: posts }, (_, n) => `${rowOf(n)}\n`).join(''))

const ingest = () => place.json<{ read: number; accepted: number; dead: number }>('ingest', 'file', 'posts.jsonl')
const score = (...flags: string[]) => place.json<ScoreSummary>('score', '--until-end', ...flags)
const verify = () => place.json<Verification>('verify')

test.each([1, 2])('ingest, score and verify account for every post: round %i', async (round) => {
  expect(await ingest()).toMatchObject({ read: posts, accepted: posts - refused, dead: refused })
  expect(await score()).toMatchObject({ scored: good, dead: refused + poison })
  expect(await verify()).toMatchObject({
    ok: true,
    appended: posts * round,
    scored: good * round,
    dead: (refused + poison) * round,
    waiting: 0,
    gaps: 0,
    duplicates: 0,
    foreignRows: 0,
    findings: [],
  })
})

test('scoring again adds nothing', async () => {
  expect(await score()).toMatchObject({ scored: 0, dead: 0 })
})

test('each id is there once for each time it was ingested, at an offset of its own', async () => {
  expect(
    await place.rows(`SELECT count() AS ids, min(times) AS least, max(times) AS most FROM
      (SELECT post_id, count() AS times, uniqExact(partition, offset) AS places FROM scores GROUP BY post_id HAVING times = places)`),
  ).toEqual([{ ids: good, least: 2, most: 2 }])
})

test('the class counts of the view are those of the rows', async () => {
  const counts = (from: string) => place.rows<{ label: string }>(`${from} GROUP BY label ORDER BY label`)
  const rows = await counts('SELECT label, count() AS posts FROM scores')
  expect(await counts('SELECT label, sum(posts) AS posts FROM sentiment_1m')).toEqual(rows)
  expect(rows.length).toBeGreaterThan(1)
})

test('each dead post says why, and what it was', async () => {
  const rows = await place.rows(`SELECT stage, code, count() AS posts, any(reason) AS reason,
    countIf(base64Decode(raw_base64) LIKE '%no post%' OR base64Decode(raw_base64) LIKE '%poison%') AS kept
    FROM dead_posts GROUP BY stage, code ORDER BY stage`)
  expect(rows).toEqual([
    {
      stage: 'ingest',
      code: 'POST_INVALID',
      posts: 2 * refused,
      kept: 2 * refused,
      reason: expect.stringMatching(/^is not JSON/),
    },
    {
      stage: 'score',
      code: 'INFERENCE_FAILED',
      posts: 2 * poison,
      kept: 2 * poison,
      reason: expect.stringContaining('model failed'),
    },
  ])
})

test('a topic that was made anew halts with a readable alarm, and goes on once accepted', async () => {
  rmSync(`${place.data}/log`, { recursive: true })
  await ingest()
  const { code, stdout, stderr } = await place.run('score', '--until-end', '--log-level', 'silent')
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^driftline: the topic is not the one that was read before: .*posts/)
  expect(stderr).toContain('--accept-recreated')
  expect(stderr).toContain('TOPIC_RECREATED')
  expect(await score('--accept-recreated')).toMatchObject({ scored: good, dead: refused + poison })
  expect(await score()).toMatchObject({ scored: 0 })
  expect(await verify()).toMatchObject({ ok: true, appended: posts, scored: good, foreignRows: 2 * posts })
})

test('tables that a newer Driftline made are left alone', async () => {
  const options = { data: place.data, port: 0, anyPort: true, database: 'driftline', logLevel: 'silent' }
  const store = await startStoreProcess(options)
  expect(readStoreAddress(place.data)?.url).toBe(store.url)
  expect((await place.run('sql', "INSERT INTO schema_migrations (version, name) VALUES (9999, 'next')")).code).toBe(0)
  await store[Symbol.asyncDispose]()
  const { code, stderr } = await place.run('score', '--until-end')
  expect(code).toBe(1)
  expect(stderr).toContain('SCHEMA_NEWER')
})
