import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DriftlineError } from '../core/errors.ts'
import { sourceContract } from '../dataflow/testing/source-contract.ts'
import { LineSplitter, lineLimit } from './files/lines.ts'
import { type Format, fileSource, fingerprint, formatOf, streamSource } from './files.ts'
import type { RawRecord } from './raw-record.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'driftline-files-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const { signal } = new AbortController()

function write(content: string | Uint8Array, name = 'posts.jsonl'): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

async function read(path: string, format: Format = 'jsonl', from?: number, max = 7): Promise<RawRecord[]> {
  const reader = await fileSource(path, format).open('0', from, signal)
  const records: RawRecord[] = []
  for (let items = await reader.next(max); items !== undefined; items = await reader.next(max)) records.push(...items)
  expect(reader.position()).toBe((from ?? 0) + records.length)
  await reader[Symbol.asyncDispose]()
  return records
}

/** A row's text, or `bad: reason`, with its line. */
const told = (record: RawRecord): string => {
  const at = record.origin.replace(/^file \S+ /, '')
  if (record.kind === 'bad') return `${at} bad: ${record.reason}`
  return `${at} ${record.value instanceof Uint8Array ? Buffer.from(record.value) : JSON.stringify(record.value)}`
}
const csv = async (text: string): Promise<string[]> => (await read(write(text, 'posts.csv'), 'csv')).map(told)

sourceContract('file', async () => {
  const path = write(Array.from({ length: 9 }, (_, number) => `{"n":${number}}\n`).join('\n'))
  return {
    source: fileSource(path, 'jsonl'),
    held: new Map([['0', await read(path)]]),
    async [Symbol.asyncDispose]() {},
  }
})

test('lines come with their numbers; blank ones are skipped and counted', async () => {
  const path = write('{"a":1}\r\n\n  \t\n{"a":2}\n{"a":3}')
  expect((await read(path)).map(told)).toEqual(['line 1 {"a":1}', 'line 4 {"a":2}', 'line 5 {"a":3}'])
  const source = fileSource(path, 'jsonl')
  const reader = await source.open('0', undefined, signal)
  while ((await reader.next(10)) !== undefined);
  expect(source.stats).toEqual({ bytes: 29, blankLines: 2 })
})

test('a byte order mark is no part of a row', async () => {
  expect((await read(write('\ufeff{"a":1}\n'))).map(told)).toEqual(['line 1 {"a":1}'])
  expect((await read(write('1\n\ufeff2\n'))).map(told)).toEqual(['line 1 1', 'line 2 2']) // two files joined
  expect(await csv('\ufeffid,text\n1,a\n')).toEqual(['line 2 {"id":"1","text":"a"}'])
})

test('an empty file has no rows', async () => {
  for (const content of ['', '\n', '\ufeff', '\r\n\r\n']) {
    expect(await read(write(content))).toEqual([])
    expect(await csv(content)).toEqual([])
  }
})

test('an overlong line is one bad record: its beginning is kept and its size is known', async () => {
  const long = 'x'.repeat(5_000_000)
  const records = await read(write(`{"a":1}\n${long}\n{"a":2}\n`))
  expect(records.map(told)).toEqual([
    'line 1 {"a":1}',
    `line 2 bad: the line is too long: 5000000 bytes, ${lineLimit} are allowed`,
    'line 3 {"a":2}',
  ])
  expect(records[1]).toMatchObject({ raw: Buffer.from(long.slice(0, 65_536)), rawBytes: 5_000_000 })
})

test('a line of exactly the limit is taken, with either line break; one more byte is not', async () => {
  const most = 'x'.repeat(lineLimit)
  for (const [line, kind] of [
    [most, 'record'],
    [`${most}\r`, 'record'],
    [`${most}x`, 'bad'],
    [`${most}x\r`, 'bad'],
    [`${most}xx`, 'bad'],
  ] as const) {
    expect((await read(write(`${line}\n1`))).map((record) => record.kind)).toEqual([kind, 'record'])
  }
})

test('however the bytes are cut into pieces, the lines are the same', () => {
  const byte = fc.constantFrom('a', '"', '\n', '\r', '\ufeff', 'é').map((text) => Buffer.from(text))
  fc.assert(
    fc.property(fc.array(byte), fc.array(fc.nat(12)), (bytes, cuts) => {
      const whole = Buffer.concat(bytes)
      const lines = (pieces: readonly Buffer[]) => {
        const splitter = new LineSplitter()
        const found = pieces.flatMap((piece) => [...splitter.push(piece)])
        const last = splitter.end()
        return (last === undefined ? found : [...found, last]).map((line) => ({ ...line, bytes: [...line.bytes] }))
      }
      const pieces: Buffer[] = []
      let at = 0
      for (const cut of cuts) {
        pieces.push(whole.subarray(at, at + cut))
        at += cut
      }
      expect(lines([...pieces, whole.subarray(at)])).toEqual(lines([whole]))
    }),
  )
})

test('gzip is recognised by its first bytes, in several members too', async () => {
  const text = '{"a":1}\n{"a":2}\n'
  const two = Buffer.concat([gzipSync(text), gzipSync('{"a":3}\n')])
  expect((await read(write(two, 'posts.jsonl.gz'))).map(told)).toEqual([
    'line 1 {"a":1}',
    'line 2 {"a":2}',
    'line 3 {"a":3}',
  ])
  expect(await read(write(two, 'posts.jsonl'))).toHaveLength(3)
})

test('of a gzip file that is cut off, the rows before the cut arrive, then one bad record', async () => {
  const rows = Array.from({ length: 50_000 }, (_, id) => JSON.stringify({ id, noise: Math.imul(id, 2654435761) }))
  const whole = gzipSync(`${rows.join('\n')}\n`)
  for (const share of [0.3, 0.7, 0.999]) {
    const records = await read(
      write(whole.subarray(0, Math.floor(whole.length * share)), 'cut.jsonl.gz'),
      'jsonl',
      0,
      1000,
    )
    const last = records.pop() as RawRecord
    expect(last).toMatchObject({ kind: 'bad', reason: expect.stringMatching(/cut off: it ends in the middle/) })
    expect(records.length).toBeGreaterThan(rows.length * share * 0.8)
    expect(records.map((record) => record.kind === 'record' && String(record.value))).toEqual(
      rows.slice(0, records.length),
    )
  }
})

test('a gzip file with damage in the middle says so', async () => {
  const rows = Array.from({ length: 20_000 }, (_, id) => JSON.stringify({ id, noise: Math.imul(id, 2654435761) }))
  const damaged = gzipSync(`${rows.join('\n')}\n`)
  damaged.fill(0xff, damaged.length / 2, damaged.length / 2 + 64)
  const records = await read(write(damaged, 'damaged.jsonl.gz'), 'jsonl', 0, 1000)
  expect(records.at(-1)).toMatchObject({ kind: 'bad', reason: expect.stringMatching(/is damaged/) })
  expect(records.length).toBeGreaterThan(1000)
})

test('reading resumes after any number of records, bad ones counted too', async () => {
  const rows = '1,a\n2,b,c\n3,"d\ne"\n4,f"g\n5,h\n'
  for (const [path, format] of [
    [write(`1\n${'x'.repeat(2_000_000)}\n\n3\n4\n`), 'jsonl'],
    [write(`id,text\n${rows}`, 'posts.csv'), 'csv'],
  ] as const) {
    const all = await read(path, format)
    for (let from = 0; from <= all.length; from++) expect(await read(path, format, from, 2)).toEqual(all.slice(from))
  }
})

test('a CSV row becomes an object with the names of the header', async () => {
  expect(await csv('id,text\n1,"a, ""quoted"" word"\n\n2,"two\r\nlines"\n3,\n')).toEqual([
    'line 2 {"id":"1","text":"a, \\"quoted\\" word"}',
    'line 4 {"id":"2","text":"two\\r\\nlines"}',
    'line 6 {"id":"3","text":""}',
  ])
})

test('only blank lines between CSV rows count as blank, not those in a field', async () => {
  const source = fileSource(write('\nid,text\n\n1,"a\n\nb"\n\n', 'blank.csv'), 'csv')
  const reader = await source.open('0', undefined, signal)
  expect(await reader.next(5)).toMatchObject([{ value: { id: '1', text: 'a\n\nb' } }])
  expect(await reader.next(5)).toBeUndefined()
  expect(source.stats.blankLines).toBe(3)
})

test.each([';', '\t', '|'])('the delimiter %j is seen in the header', async (delimiter) => {
  expect(await csv(['id,a', 'text', 'ts\n1', 'x,y', '3'].join(delimiter))).toEqual([
    'line 2 {"id,a":"1","text":"x,y","ts":"3"}',
  ])
})

test('a quoting fault costs one line, wherever the quote is missing', async () => {
  expect(await csv('id,text\n1,"never closed\n2,good\n3,"fine"\n4,5" pipe\n5,"a"b\n6,good\n')).toEqual([
    'line 2 bad: a quoted field begins here and never ends',
    'line 3 {"id":"2","text":"good"}',
    'line 4 {"id":"3","text":"fine"}',
    'line 5 bad: a quote stands inside a field that does not begin with one',
    'line 6 bad: a quoted field goes on after its closing quote',
    'line 7 {"id":"6","text":"good"}',
  ])
  expect(await csv('id,text\n1,good\n2,"never closed\n3,good\n')).toEqual([
    'line 2 {"id":"1","text":"good"}',
    'line 3 bad: a quoted field begins here and never ends',
    'line 4 {"id":"3","text":"good"}',
  ])
})

test('a quote that is never closed costs one line of a long file, not the file', async () => {
  const rows = Array.from({ length: 200_000 }, (_, id) => `${id},good\n`).join('')
  const records = await read(write(`id,text\n0,"open\n${rows}`, 'long.csv'), 'csv', 0, 10_000)
  expect(records.filter(({ kind }) => kind === 'bad').map(told)).toEqual([
    'line 2 bad: a quoted field begins here and never ends',
  ])
  expect(records).toHaveLength(200_001)
})

test('a wrong number of columns, broken UTF-8 and an overlong line are bad rows', async () => {
  const broken = Buffer.concat([Buffer.from('id,text\n1\n2,a,b\n3,'), Buffer.from([0xff]), Buffer.from('\n4,good\n5,')])
  const path = write(Buffer.concat([broken, Buffer.alloc(2_000_000, 'x'), Buffer.from('\n6,good')]), 'posts.csv')
  expect((await read(path, 'csv')).map(told)).toEqual([
    'line 2 bad: wrong number of columns: 1, the header has 2',
    'line 3 bad: wrong number of columns: 3, the header has 2',
    'line 4 bad: is not UTF-8',
    'line 5 {"id":"4","text":"good"}',
    `line 6 bad: the line is too long: 2000002 bytes, ${lineLimit} are allowed`,
    'line 7 {"id":"6","text":"good"}',
  ])
})

test.each([
  ['id,text,id\n1,a,2\n', 'it names the column "id" twice'],
  ['id,,text\n1,a,2\n', 'a column has no name'],
  ['id,te"xt\n1,a\n', 'a quote stands inside a field that does not begin with one'],
])('a header that cannot be used is one bad record (%j)', async (text, why) => {
  const [only, ...more] = await csv(text)
  expect(only).toContain(`bad: the header cannot be used, so no row was read: ${why}`)
  expect(more.filter((record) => !record.includes('bad'))).toEqual([])
})

test('whatever bytes a CSV file holds, reading it ends, and no line is told twice', async () => {
  const piece = fc.constantFrom('a', '1', ',', '"', '""', '\n', '\r\n', '\r', 'é', ' ').map((text) => Buffer.from(text))
  const any = fc.oneof(piece, fc.constantFrom(Buffer.from([0]), Buffer.from([0xff])))
  await fc.assert(
    fc.asyncProperty(fc.array(any, { maxLength: 40 }), async (bytes) => {
      const text = Buffer.concat([Buffer.from('id,text\n'), ...bytes, Buffer.from('\n7,good\n')])
      const lines = (await read(write(text, 'any.csv'), 'csv')).map(({ origin }) => Number(/\d+$/.exec(origin)?.[0]))
      expect(lines.length).toBeGreaterThan(0)
      expect(lines).toEqual([...new Set(lines)].sort((a, b) => a - b))
    }),
    { numRuns: 200 },
  )
})

test('a stream that gives nothing yet yields an empty read, and goes on when something comes', async () => {
  const input = new PassThrough()
  const reader = await streamSource(input, 'stdin', 'jsonl').open('0', undefined, signal)
  expect(await reader.next(10)).toEqual([])
  input.write('1\n2')
  expect(await reader.next(10)).toMatchObject([{ origin: 'stdin line 1' }])
  input.end('3\n')
  expect(await reader.next(10)).toMatchObject([{ origin: 'stdin line 2', value: Buffer.from('23') }])
  expect(await reader.next(10)).toBeUndefined()
})

test('a stream is read once: it refuses to resume and to be opened again, because what it gave is gone', async () => {
  const broken = { code: 'STREAM_BROKEN' }
  await expect(streamSource(new PassThrough(), 'stdin', 'jsonl').open('0', 3, signal)).rejects.toMatchObject(broken)
  const source = streamSource(new PassThrough(), 'stdin', 'jsonl')
  const reader = await source.open('0', undefined, signal)
  await reader.next(1)
  await reader[Symbol.asyncDispose]() // though it waits for more
  await expect(source.open('0', undefined, signal)).rejects.toMatchObject(broken)
})

test('a stream that fails after some rows gives them first', async () => {
  const input = new PassThrough()
  const reader = await streamSource(input, 'stdin', 'jsonl').open('0', undefined, signal)
  input.write('1\n')
  expect(await reader.next(10)).toHaveLength(1)
  input.destroy(new Error('the pipe broke'))
  await expect(reader.next(10)).rejects.toThrow(/broke off: the pipe broke/)
})

test('a file that cannot be read is an error', async () => {
  const missing = join(folder, 'missing.jsonl')
  await expect(read(missing)).rejects.toThrow(DriftlineError)
  await expect(fingerprint(missing)).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
  await expect(fingerprint(folder)).rejects.toThrow(/it is a folder/)
})

test('a fingerprint survives growth and tells contents apart', async () => {
  const start = 'x'.repeat(100_000)
  const first = await fingerprint(write(start))
  expect(await fingerprint(write(`${start}more`))).toBe(first)
  expect(await fingerprint(write(`y${start}`))).not.toBe(first)
})

test.each([
  ['a.jsonl', 'jsonl'],
  ['a.NDJSON.gz', 'jsonl'],
  ['dir.csv/a.json', 'jsonl'],
  ['a.csv.gz', 'csv'],
  ['a.tsv', 'csv'],
  ['a.txt', undefined],
  ['a.gz', undefined],
  ['csv', undefined],
])('the format of %s is %s', (path, format) => {
  expect(formatOf(path)).toBe(format)
})
