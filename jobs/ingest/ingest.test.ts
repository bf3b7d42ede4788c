import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { LogRecord } from '../../connectors/event-log.ts'
import { openEventLog } from '../../connectors/open-log.ts'
import type { RawRecord } from '../../connectors/raw-record.ts'
import { systemClock } from '../../core/clock.ts'
import { type Config, loadConfig } from '../../core/config.ts'
import { silentLog } from '../../core/log.ts'
import { readStatuses } from '../../core/status.ts'
import type { Reader, Source } from '../../dataflow/source.ts'
import { badFiles } from '../../test/bad-input/bad-files.ts'
import { badCsvRows, badJsonRows } from '../../test/bad-input/bad-rows.ts'
import { DeadPost, rawLimit } from '../../text/dead-post.ts'
import { Post } from '../../text/post.ts'
import { IngestOptions, type Input } from './config.ts'
import { ingest } from './main.ts'
import { rowSource } from './rows.ts'
import type { Summary } from './tally.ts'

let folder: string
let config: Config
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'driftline-ingest-'))
  config = loadConfig({ data: join(folder, 'data'), partitions: 3 }, {}, folder).config
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const { signal } = new AbortController()

function file(content: string | Uint8Array, name = 'posts.jsonl'): Input {
  const path = join(folder, name)
  writeFileSync(path, content)
  return { kind: 'file', path }
}

const run = (inputs: readonly Input[], options: object = {}, over: object = {}): Promise<Summary> =>
  ingest(inputs, IngestOptions.parse(options), { config, log: silentLog, signal, ...over })

async function read(topic: string): Promise<LogRecord[]> {
  const log = await openEventLog(config, silentLog)
  try {
    const records: LogRecord[] = []
    for (const { partition } of await log.ranges(topic)) {
      const reader = await log.source(topic, { untilEnd: true }).open(String(partition), undefined, signal)
      for (let items = await reader.next(1000); items !== undefined; items = await reader.next(1000))
        records.push(...items)
    }
    return records
  } finally {
    await log[Symbol.asyncDispose]()
  }
}

function arrayReader<Item>(items: readonly Item[], from: number): Reader<Item, number> {
  let at = from
  return {
    async next(max) {
      const next = items.slice(at, at + max)
      at += next.length
      return next.length === 0 ? undefined : next
    },
    position: () => at,
    [Symbol.asyncDispose]: async () => {},
  }
}

const jsonOf = ({ value }: LogRecord): unknown => JSON.parse(Buffer.from(value).toString())
const posts = async (): Promise<Post[]> => (await read('posts')).map((record) => Post.parse(jsonOf(record)))
const dead = async (): Promise<DeadPost[]> => (await read('posts.dead')).map((record) => DeadPost.parse(jsonOf(record)))

const rows = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => `{"id":"post-${from + index}","text":"text ${from + index}"}\n`).join(
    '',
  )

test('posts go to the topic under their id, dead rows beside it with reason, origin and bytes', async () => {
  const summary = await run([file(`${rows(0, 3)}{"id":7}\n\nnot json\n`)])
  expect(summary).toMatchObject({ outcome: 'ended', read: 5, accepted: 3, dead: 2, blankLines: 1 })
  expect(summary.reasons).toEqual([
    { reason: 'text is missing', count: 1 },
    { reason: 'is not JSON', count: 1 },
  ])
  const records = await read('posts')
  expect(records.map(({ key }) => key).sort()).toEqual(['post-0', 'post-1', 'post-2'])
  expect((await posts()).map(({ id, source }) => `${id} ${source}`).sort()).toEqual([
    'post-0 posts',
    'post-1 posts',
    'post-2 posts',
  ])
  expect(await dead()).toMatchObject([
    {
      stage: 'ingest',
      code: 'POST_INVALID',
      reason: 'text is missing',
      origin: 'file posts.jsonl line 4',
      rawBytes: 8,
    },
    { origin: 'file posts.jsonl line 6', raw: Buffer.from('not json').toString('base64') },
  ])
})

test('every good row between bad ones arrives, and every bad one with a reason a person understands', async () => {
  const kinds = new Set([...badJsonRows, ...badCsvRows].map(({ kind }) => kind))
  expect(kinds.size).toBe(badJsonRows.length + badCsvRows.length)
  expect(kinds.size).toBeGreaterThanOrEqual(60)
  const files = badFiles()
  const summary = await run(files.map(({ name, bytes }) => file(bytes, name)))
  expect((await posts()).map(({ id }) => id).sort()).toEqual(files.flatMap(({ good }) => good).sort())
  const found = await dead()
  for (const { name, bad } of files) {
    const told = found.filter(({ origin }) => origin.startsWith(`file ${name} line `))
    expect(told.map(({ reason }) => reason)).toEqual(bad.map(({ reason }) => expect.stringMatching(reason)))
  }
  for (const { raw, rawBytes } of found) {
    const kept = Buffer.from(raw, 'base64').length
    expect(kept).toBe(Math.min(rawBytes, rawLimit))
  }
  expect(summary).toMatchObject({ accepted: files.flatMap(({ good }) => good).length, dead: found.length })
})

test('a run that is stopped goes on where it was; one that ended starts again', async () => {
  const input = file(rows(0, 60_000))
  const whole = Array.from({ length: 60_000 }, (_, index) => `post-${index}`).sort()
  let outcome = 'stopped'
  for (let runs = 0; outcome === 'stopped'; runs++) {
    const stop = new AbortController()
    let looks = 0
    const now = () => {
      if (++looks === 12 + runs) stop.abort() // somewhere in the middle, later each time
      return Date.now()
    }
    outcome = (await run([input], {}, { signal: stop.signal, clock: { ...systemClock, now } })).outcome
    if (runs === 0) expect(outcome).toBe('stopped')
  }
  expect((await posts()).map(({ id }) => id).sort()).toEqual(whole)
  await run([input], { limit: 10 })
  expect(await posts()).toHaveLength(60_010)
})

test('the job says how it is, and leaves its last words', async () => {
  const heard: string[] = []
  const slow = {
    ...systemClock,
    sleep: async () => void heard.push(JSON.stringify(await readStatuses(config.data, Date.now()))),
  }
  await run([file(rows(0, 20))], {}, { clock: slow })
  expect(heard.join()).toContain('"job":"ingest"')
  expect(await readStatuses(config.data, Date.now())).toMatchObject([
    { answering: false, status: { job: 'ingest', state: 'ended', counts: { read: 20, accepted: 20, dead: 0 } } },
  ])
})

test('a file that stands in the list twice is ingested twice', async () => {
  const input = file(rows(0, 5))
  expect(await run([input, input])).toMatchObject({ accepted: 10 })
})

test('an id counts as repeated only within the window, and that does not depend on where a run resumed', async () => {
  const ids = ['a', 'b', 'a', 'c', 'd', 'e', 'a', 'b', 'b', 'f', 'a', 'a']
  const all = ids.map((id, n): RawRecord => ({ kind: 'record', value: { id, text: 'x' }, origin: `${n}` }))
  const records: Source<RawRecord, number> = {
    name: 'ids',
    async *assignments() {
      yield ['0']
    },
    open: async (_, from = 0) => arrayReader(all, from),
  }
  const source = rowSource(records, { source: 's', hashAuthor: String, clock: systemClock, repeatWindow: 3 })
  const kindsFrom = async (from: number): Promise<string[]> => {
    const reader = await source.open('0', from, signal)
    const kinds: string[] = []
    for (let items = await reader.next(2); items !== undefined; items = await reader.next(2)) {
      kinds.push(...items.map((row) => (row.kind === 'dead' ? row.reason : 'post')))
    }
    expect(reader.position()).toBe(ids.length)
    return kinds
  }
  const seen = (at: number) => `repeated id, already seen at ${at}`
  const whole = ['post', 'post', seen(0), ...Array(5).fill('post'), seen(7), 'post', 'post', seen(10)]
  for (let from = 0; from <= ids.length; from++) expect(await kindsFrom(from)).toEqual(whole.slice(from))
})

test('--limit ends each input early and --source names what has no source', async () => {
  expect(await run([file(rows(0, 50))], { limit: 7, source: 'mine' })).toMatchObject({ outcome: 'ended', read: 7 })
  expect(new Set((await posts()).map(({ source }) => source))).toEqual(new Set(['mine']))
})

test('the demo stream arrives with authors hashed and true labels', async () => {
  expect(await run([{ kind: 'demo' }], { limit: 200, rate: 1e6, seed: 5 })).toMatchObject({ accepted: 200, dead: 0 })
  const all = await posts()
  expect(new Set(all.map(({ label }) => label))).toEqual(new Set(['negative', 'neutral', 'positive']))
  for (const { author } of all) expect(author).toMatch(/^[\w-]{43}$/)
})

test('a file that is missing or tells no format is refused before anything is read', async () => {
  const missing: Input = { kind: 'file', path: join(folder, 'missing.jsonl') }
  await expect(run([file(rows(0, 5)), missing])).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
  await expect(run([file(rows(0, 5), 'posts.data')])).rejects.toMatchObject({ code: 'USAGE' })
  expect(await run([file(rows(0, 5), 'posts.data')], { format: 'jsonl' })).toMatchObject({ accepted: 5 })
  expect(await posts()).toHaveLength(5)
})
