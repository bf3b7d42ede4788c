import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { hostileValues as values } from './testing/hostile-values.ts'
import { type TestStore, testStore } from './testing/test-store.ts'

// The engine in one process runs what stands after a blank line in an INSERT's data as the next statement. Nothing that
// a post can hold may ever get there, whatever way it takes.
const database = 'driftline_hostile'
let store: TestStore
let client: ClickHouseClient

beforeAll(async () => {
  store = await testStore(database)
  client = store.client({ database })
})
afterAll(async () => store[Symbol.asyncDispose]())

const hex = (value: string | Buffer): string =>
  Buffer.from(value as string)
    .toString('hex')
    .toUpperCase()
const lineSafe = (value: string) =>
  value
    .replaceAll('\\', '\\\\')
    .replaceAll('\t', '\\t')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\u0000', '\\0')
const stream = (chunks: readonly (string | Buffer)[]) => Readable.from(chunks, { objectMode: false })

/** LEB128, as RowBinary writes lengths. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  for (; left > 127; left >>>= 7) bytes.push((left & 127) | 128)
  return Buffer.from([...bytes, left])
}

const rowBinary = (number: number, value: Buffer): Buffer => {
  const id = Buffer.alloc(4)
  id.writeUInt32LE(number)
  return Buffer.concat([id, varint(value.length), value])
}

async function send(query: string, data: readonly (string | Buffer)[]): Promise<void> {
  await text((await client.exec({ query, values: stream(data) })).stream)
}

const paths: Readonly<Record<string, (table: string) => Promise<unknown>>> = {
  'JSONEachRow by the client': (table) =>
    client.insert({ table, values: values.map((v, n) => ({ n, v })), format: 'JSONEachRow' }),
  CSV: (table) =>
    send(
      `INSERT INTO ${table} FORMAT CSV`,
      values.map((v, n) => `${n},"${v.replaceAll('"', '""')}"\n`),
    ),
  TabSeparated: (table) =>
    send(
      `INSERT INTO ${table} FORMAT TabSeparated`,
      values.map((v, n) => `${n}\t${lineSafe(v)}\n`),
    ),
  'VALUES in the body': (table) =>
    client.command({
      query: `INSERT INTO ${table} (n, v) VALUES ${values
        .map((v, n) => `(${n}, '${lineSafe(v).replaceAll("'", "\\'")}')`)
        .join(', ')}`,
    }),
  RowBinary: (table) =>
    send(
      `INSERT INTO ${table} FORMAT RowBinary`,
      values.map((v, n) => rowBinary(n, Buffer.from(v))),
    ),
  'input()': (table) =>
    send(
      `INSERT INTO ${table} SELECT n, v FROM input('n UInt32, v String') FORMAT JSONEachRow`,
      values.map((v, n) => `${JSON.stringify({ n, v })}\n`),
    ),
  'parameters of a SELECT': async (table) => {
    for (let from = 0; from < values.length; from += 100) {
      const chunk = values.slice(from, from + 100)
      const query_params = Object.fromEntries(chunk.map((v, at) => [`v${at}`, v]))
      const rows = chunk.map((_, at) => `SELECT ${from + at} AS n, {v${at}:String} AS v`).join(' UNION ALL ')
      await client.command({ query: `INSERT INTO ${table} ${rows}`, query_params })
    }
  },
}

test('there are 500 values', () => {
  expect(values.length).toBe(500)
})

test.each(Object.keys(paths))('500 hostile values come back byte for byte, and run nothing: %s', async (path) => {
  const table = `h${Object.keys(paths).indexOf(path)}`
  await client.command({ query: `CREATE TABLE ${table} (n UInt32, v String) ENGINE = MergeTree ORDER BY n` })
  const before = await objects()
  await paths[path]?.(table)
  const found = await client.query({ query: `SELECT hex(v) FROM ${table} ORDER BY n`, format: 'JSONCompactEachRow' })
  expect((await found.json<string[]>()).flat()).toEqual(values.map(hex))
  expect(await objects()).toEqual(before)
})

test('bytes that are no text pass through RowBinary and JSON-free formats unharmed', async () => {
  await client.command({ query: 'CREATE TABLE bytes (n UInt32, v String) ENGINE = MergeTree ORDER BY n' })
  const random = seededRandom(11)
  const blobs = Array.from({ length: 200 }, (_, n) =>
    Buffer.from(Array.from({ length: n }, () => Math.floor(random() * 256))),
  )
  await send(
    'INSERT INTO bytes FORMAT RowBinary',
    blobs.map((blob, n) => rowBinary(n, blob)),
  )
  const found = await client.query({ query: 'SELECT hex(v) FROM bytes ORDER BY n', format: 'JSONCompactEachRow' })
  expect((await found.json<string[]>()).flat()).toEqual(blobs.map(hex))
})

async function objects(): Promise<unknown> {
  const query = "SELECT database, name FROM system.tables WHERE database NOT IN ('system') ORDER BY ALL"
  return await (await client.query({ query, format: 'JSONCompactEachRow' })).json()
}
