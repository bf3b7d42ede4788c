import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import type { Reader } from '../dataflow/source.ts'
import { manualClock } from '../dataflow/testing/manual-clock.ts'
import type { LogRecord, NewRecord } from './event-log.ts'
import { chunkTargetBytes } from './lmdb/chunk.ts'
import { type LmdbLog, type LmdbLogOptions, openLmdbLog } from './lmdb-log.ts'
import { partitionOf } from './partitioner.ts'

const opened: { log: LmdbLog; folder: string }[] = []
const { signal } = new AbortController()

function openLog(options: LmdbLogOptions = {}, folder = mkdtempSync(join(tmpdir(), 'driftline-log-'))): LmdbLog {
  const log = openLmdbLog(folder, options)
  opened.push({ log, folder })
  return log
}

afterEach(async () => {
  for (const { log } of opened) await log[Symbol.asyncDispose]()
  for (const { folder } of opened.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const record = (text: string, key: string | null = text, topic = 'posts'): NewRecord => ({
  topic,
  key,
  value: Buffer.from(text),
})

let writes = 0

async function append(log: LmdbLog, texts: readonly string[], key?: string | null): Promise<void> {
  const writer = await log.sink<number>('test').open('0', signal)
  await writer.write(
    texts.map((text) => record(text, key === undefined ? text : key)),
    { position: ++writes, states: {} },
  )
}

async function drain(reader: Reader<LogRecord, number>, max = 100): Promise<LogRecord[]> {
  const records: LogRecord[] = []
  for (let items = await reader.next(max); items !== undefined; items = await reader.next(max)) records.push(...items)
  return records
}

async function readAll(log: LmdbLog, topic = 'posts'): Promise<LogRecord[][]> {
  const source = log.source(topic, { untilEnd: true })
  const ranges = await log.ranges(topic)
  return Promise.all(
    ranges.map(async ({ partition }) => drain(await source.open(String(partition), undefined, signal))),
  )
}

const textOf = ({ value }: LogRecord): string => Buffer.from(value).toString()

test('whatever is appended is read back, in order within its partition, at dense offsets', async () => {
  const someRecord = fc.record({
    key: fc.option(fc.string({ unit: 'binary', maxLength: 20 })),
    value: fc.uint8Array({ maxLength: 200 }),
  })
  const someWrites = fc.array(fc.array(someRecord, { maxLength: 30 }), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(someWrites, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 7 }), async (...drawn) => {
      const [batches, partitions, max] = drawn
      const log = openLog()
      await log.createTopic('posts', partitions)
      const writer = await log.sink<number>('test').open('0', signal)
      for (const batch of batches) {
        await writer.write(
          batch.map((fields) => ({ topic: 'posts', ...fields })),
          { position: ++writes, states: {} },
        )
      }
      for (const { partition, start, end } of await log.ranges('posts')) {
        const reader = await log.source('posts', { untilEnd: true }).open(String(partition), undefined, signal)
        const read = await drain(reader, max)
        expect(start).toBe(0)
        expect(read.map(({ offset }) => offset)).toEqual(Array.from({ length: end }, (_, offset) => offset))
        const keyed = batches
          .flat()
          .filter(({ key }) => key !== null && partitionOf(Buffer.from(key), partitions) === partition)
        const readKeyed = read.filter(({ key }) => key !== null)
        expect(readKeyed.map(({ value }) => [...value])).toEqual(keyed.map(({ value }) => [...value]))
        expect(readKeyed.map(({ key }) => key)).toEqual(keyed.map(({ key }) => key))
      }
      const total = (await log.ranges('posts')).reduce((sum, { end }) => sum + end, 0)
      expect(total).toBe(batches.flat().length)
    }),
    { numRuns: 15 },
  )
})

test('records without a key go round the partitions in turn', async () => {
  const log = openLog()
  await log.createTopic('posts', 3)
  await append(log, ['a', 'b', 'c', 'd'], null)
  expect((await readAll(log)).map((records) => records.map(textOf))).toEqual([['a', 'd'], ['b'], ['c']])
})

test('reading resumes in the middle of a chunk and crosses into the next', async () => {
  const log = openLog()
  await log.createTopic('posts', 1)
  const large = 'x'.repeat(chunkTargetBytes / 4)
  const texts = Array.from({ length: 20 }, (_, index) => `${index} ${large}`)
  await append(log, texts)
  await append(log, ['the end'])
  for (const from of [0, 1, 3, 4, 7, 19, 20]) {
    const reader = await log.source('posts', { untilEnd: true }).open('0', from, signal)
    const read = await drain(reader, 3)
    expect(read.map(textOf)).toEqual([...texts, 'the end'].slice(from))
    expect(reader.position()).toBe(21)
  }
})

test('a topic keeps its id and its partitions when it is asked for again', async () => {
  const log = openLog()
  const made = await log.createTopic('posts', 4)
  expect(await log.createTopic('posts', 9)).toEqual(made)
  expect(await log.topic('posts')).toEqual(made)
  expect(await log.topics()).toEqual([made])
  expect(await log.topic('others')).toBeUndefined()
})

test('records and checkpoint commit together, or neither does', async () => {
  const log = openLog()
  await log.createTopic('posts', 1)
  const writer = await log.sink<number>('ingest').open('file', signal)
  const states = { seen: new Map([['a', 1]]) }
  await writer.write([record('a')], { position: 1, states })
  const lost = writer.write([record('b'), record('c', 'c', 'nowhere')], { position: 3, states: {} })
  await expect(lost).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' })
  expect((await readAll(log)).flat().map(textOf)).toEqual(['a'])
  const again = await log.sink<number>('ingest').open('file', signal)
  expect(await again.checkpoint()).toEqual({ position: 1, states })
})

test('records for several topics go in one write', async () => {
  const log = openLog()
  await log.createTopic('posts', 1)
  await log.createTopic('posts.dead', 1)
  const writer = await log.sink<number>('ingest').open('file', signal)
  await writer.write([record('good'), record('bad', null, 'posts.dead')], { position: 2, states: {} })
  expect((await readAll(log, 'posts')).flat().map(textOf)).toEqual(['good'])
  expect((await readAll(log, 'posts.dead')).flat().map(textOf)).toEqual(['bad'])
})

test('a record that is too large is named and nothing of the write stays', async () => {
  const log = openLog()
  await log.createTopic('posts', 1)
  const writer = await log.sink<number>('ingest').open('file', signal)
  const write = writer.write([record('a'), record('x'.repeat(1_048_577), 'b')], { position: 2, states: {} })
  await expect(write).rejects.toMatchObject({ code: 'WRITE_REJECTED', details: { failed: [1] } })
  expect(await writer.checkpoint()).toBeUndefined()
  expect((await readAll(log)).flat()).toEqual([])
})

test('checkpoints are kept per producer and source partition, until the producer is forgotten', async () => {
  const log = openLog()
  const positions = async () => {
    const writers = [
      await log.sink<number>('a').open('1', signal),
      await log.sink<number>('a').open('\u{10ffff}', signal),
      await log.sink<number>('ab').open('1', signal),
    ]
    return Promise.all(writers.map(async (writer) => (await writer.checkpoint())?.position))
  }
  const write = async (producer: string, partition: string, position: number) =>
    (await log.sink<number>(producer).open(partition, signal)).write([], { position, states: {} })
  await write('a', '1', 1)
  await write('a', '\u{10ffff}', 2)
  await write('ab', '1', 3)
  expect(await positions()).toEqual([1, 2, 3])
  await log.forgetProducer('a')
  expect(await positions()).toEqual([undefined, undefined, 3])
})

test('two writers in turn never give an offset twice', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'driftline-log-'))
  const logs = [openLog({}, folder), openLog({}, folder)]
  await logs[0]?.createTopic('posts', 1)
  for (let round = 0; round < 10; round++) {
    for (const [index, log] of logs.entries()) await append(log, [`${round} by ${index}`])
  }
  const read = (await readAll(logs[0] as LmdbLog)).flat()
  expect(read.map(({ offset }) => offset)).toEqual(Array.from({ length: 20 }, (_, offset) => offset))
})

test('with untilEnd a partition ends where it ended when it was opened', async () => {
  const log = openLog()
  await log.createTopic('posts', 1)
  await append(log, ['a', 'b'])
  const reader = await log.source('posts', { untilEnd: true }).open('0', undefined, signal)
  await append(log, ['c'])
  expect((await drain(reader)).map(textOf)).toEqual(['a', 'b'])
})

test('a reader waits shortly, says that nothing came, and sees what is appended later', async () => {
  const log = openLog()
  await log.createTopic('posts', 1)
  const reader = await log.source('posts').open('0', undefined, signal)
  expect(await reader.next(10)).toEqual([])
  await append(log, ['a'])
  expect((await reader.next(10))?.map(textOf)).toEqual(['a'])
  expect(await reader.next(10)).toEqual([])
})

test('retention by age removes what is too old and leaves the rest readable', async () => {
  const clock = manualClock()
  const log = openLog({ clock, retention: { ageMs: 1000, bytes: Number.POSITIVE_INFINITY } })
  await log.createTopic('posts', 1)
  for (const [waitMs, text] of [
    [0, 'a'],
    [500, 'b'],
    [900, 'c'],
  ] as const) {
    // biome-ignore format: one line
    await clock.advance(waitMs)
    await append(log, [text, text.toUpperCase()])
  }
  expect(await log.ranges('posts')).toEqual([{ partition: 0, start: 2, end: 6 }])
  expect((await readAll(log)).flat().map(textOf)).toEqual(['b', 'B', 'c', 'C'])
  await clock.advance(10_000)
  expect(await log.trim()).toBe(2)
  expect(await log.ranges('posts')).toEqual([{ partition: 0, start: 6, end: 6 }])
  await append(log, ['d'])
  expect((await readAll(log)).flat().map(({ offset }) => offset)).toEqual([6])
})

test('retention by bytes keeps a topic near its limit, oldest records first', async () => {
  const log = openLog({ retention: { ageMs: Number.POSITIVE_INFINITY, bytes: 10 * chunkTargetBytes } })
  await log.createTopic('posts', 2)
  const text = 'x'.repeat(1000)
  for (let write = 0; write < 50; write++) {
    await append(
      log,
      Array.from({ length: 100 }, (_, index) => `${write} ${index} ${text}`),
      null,
    )
  }
  for (const { start, end } of await log.ranges('posts')) {
    expect(start).toBeGreaterThan(0)
    expect(end - start).toBeLessThan((11 * chunkTargetBytes) / 1000)
  }
  const kept = (await readAll(log)).flat()
  expect(kept.length).toBeGreaterThan((8 * chunkTargetBytes) / 1100)
  expect(Math.min(...kept.map((record) => Number.parseInt(textOf(record), 10)))).toBeGreaterThan(40)
})

test('a reader whose next record is gone stops instead of skipping', async () => {
  const clock = manualClock()
  const log = openLog({ clock, retention: { ageMs: 1000, bytes: Number.POSITIVE_INFINITY } })
  await log.createTopic('posts', 1)
  await append(log, ['a'])
  const reader = await log.source('posts').open('0', undefined, signal)
  await clock.advance(2000)
  await log.trim()
  await append(log, ['b'])
  await log.trim()
  expect((await reader.next(1))?.map(textOf)).toEqual(['a']) // in memory since the reader was opened
  expect((await reader.next(1))?.map(textOf)).toEqual(['b'])
  await append(log, ['c', 'd'])
  await clock.advance(2000)
  await append(log, ['e'])
  await expect(reader.next(1)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' })
  await expect(log.source('posts').open('0', 1, signal)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' })
})

test('a position past the end halts: the topic cannot be the one that was read', async () => {
  const log = openLog()
  await log.createTopic('posts', 1)
  await append(log, ['a'])
  await log.source('posts').open('0', 1, signal)
  await expect(log.source('posts').open('0', 2, signal)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' })
})

test('a topic deleted and made anew has another id, stops its readers and forgets their positions', async () => {
  const log = openLog()
  const first = await log.createTopic('posts', 1)
  await append(log, ['a', 'b'])
  const reader = await log.source('posts').open('0', 2, signal)
  await log.commit('score', 'posts', 0, 2)
  await log.deleteTopic('posts')
  expect(await log.topic('posts')).toBeUndefined()
  const second = await log.createTopic('posts', 1)
  expect(second.id).not.toBe(first.id)
  await append(log, ['other', 'records', 'here'])
  await expect(reader.next(1)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' })
  expect(await log.committed('score', 'posts')).toEqual(new Map())
  expect(await log.trim()).toBe(1)
  expect((await readAll(log)).flat().map(textOf)).toEqual(['other', 'records', 'here'])
})

test('consumer positions are kept per group and topic', async () => {
  const log = openLog()
  await log.createTopic('posts', 2)
  await log.commit('score', 'posts', 0, 5)
  await log.commit('score', 'posts', 1, 7)
  await log.commit('score', 'posts', 0, 6)
  await log.commit('other', 'posts', 0, 1)
  expect(await log.committed('score', 'posts')).toEqual(new Map([[0, 6], [1, 7]])) // biome-ignore format: one line
  expect(await log.committed('nobody', 'posts')).toEqual(new Map())
})

test('a topic that is not there is an error that says so', async () => {
  const log = openLog()
  await expect(log.ranges('posts')).rejects.toThrow(/no such topic/)
  await expect(log.source('posts').open('0', undefined, signal)).rejects.toThrow(/no such topic/)
})
