import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hostileValues } from '../../clickhouse/testing/hostile-values.ts'
import type { ScoreSummary } from '../../jobs/score/main.ts'
import type { Verification } from '../../jobs/score/verify.ts'
import { badFiles } from '../bad-input/bad-files.ts'
import { Workplace } from './driftline.ts'

const place = new Workplace()
beforeAll(async () => {
  expect(await place.start('store').line()).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/) // one for all verbs, which find it
})
afterAll(() => place[Symbol.asyncDispose]())

const score = () => place.json<ScoreSummary>('score', '--until-end')
const files = badFiles()
const good = files.flatMap((file) => file.good)
const bad = files.flatMap((file) => file.bad)

test('of files full of bad rows every good one is scored, and every bad one is kept with its reason', async () => {
  expect(bad.length).toBeGreaterThan(90)
  for (const { name, bytes } of files) writeFileSync(place.path(name), bytes)
  const { code, stderr } = await place.run('ingest', 'file', ...files.map(({ name }) => name))
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(await score()).toMatchObject({ scored: good.length, dead: bad.length })

  const scored = await place.rows<{ post_id: string; text: string }>(
    'SELECT post_id, text FROM scores ORDER BY post_id',
  )
  expect(scored.map(({ post_id }) => post_id)).toEqual([...good].sort())
  expect(scored.every(({ text }) => text.startsWith('good'))).toBe(true)

  const dead = await place.rows<{ reason: string; origin: string; bytes: number }>(
    'SELECT reason, origin, length(base64Decode(raw_base64)) AS bytes FROM dead_posts ORDER BY offset',
  )
  expect(dead.length).toBe(bad.length)
  for (const [index, { kind, reason }] of bad.entries()) expect(dead[index]?.reason, kind).toMatch(reason)
  for (const { origin, bytes } of dead) {
    expect(origin).toMatch(/^file .*(bad|repeated|cut)-0\.\S+ line \d+$/)
    expect(bytes).toBeLessThanOrEqual(65_536)
  }
  expect(await place.json<Verification>('verify')).toMatchObject({ ok: true, gaps: 0, duplicates: 0, waiting: 0 })
})

test('500 hostile texts go through log, model and store byte for byte, and make or drop no table', async () => {
  const tables = () => place.rows("SELECT database, name FROM system.tables WHERE database != 'system' ORDER BY ALL")
  const before = await tables()
  const posts = hostileValues.map((text, n) => ({
    id: `hostile-${n}`,
    text,
    createdAt: 1_700_000_000_000,
    author: text,
  }))
  writeFileSync(place.path('hostile.jsonl'), posts.map((post) => `${JSON.stringify(post)}\n`).join(''))
  await place.json('ingest', 'file', 'hostile.jsonl')
  await score()

  const hex = (text: string) => Buffer.from(text).toString('hex').toUpperCase()
  const scored = await place.rows<{ post_id: string; hex: string }>(
    "SELECT post_id, hex(text) AS hex FROM scores WHERE post_id LIKE 'hostile-%' ORDER BY toUInt32(substring(post_id, 9))",
  )
  const isText = (text: string) => text.trim() !== '' && !text.includes('\u0000')
  expect(scored).toEqual(
    posts.filter(({ text }) => isText(text)).map(({ id, text }) => ({ post_id: id, hex: hex(text) })),
  )
  expect(scored.length).toBeGreaterThan(400)

  const lines = readFileSync(place.path('hostile.jsonl'), 'utf8').split('\n')
  const dead = await place.rows<{ raw: string }>(
    "SELECT base64Decode(raw_base64) AS raw FROM dead_posts WHERE origin LIKE '%hostile%' ORDER BY offset",
  )
  expect(dead.map(({ raw }) => raw)).toEqual(lines.filter((_, n) => posts[n] !== undefined && !isText(posts[n].text)))
  expect(await tables()).toEqual(before)
})

test('an address that was left behind, where the store of another folder answers now, is no address', async () => {
  const other = new Workplace()
  mkdirSync(other.data)
  const address = JSON.parse(readFileSync(`${place.data}/store.json`, 'utf8'))
  writeFileSync(`${other.data}/store.json`, JSON.stringify({ ...address, password: 'of the other one' }))
  expect(await other.json<Verification>('verify')).toMatchObject({ ok: true, appended: 0, foreignRows: 0 })
  await other[Symbol.asyncDispose]()
})
