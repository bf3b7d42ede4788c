import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type ClickHouseClient, type DataFormat, TupleParam } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestStore, testStore } from './testing/test-store.ts'

// What a ClickHouse server does with the same client: set DRIFTLINE_TEST_CLICKHOUSE_URL to run it against one.
const database = 'driftline_suite'
let store: TestStore
let client: ClickHouseClient
let tables = 0

beforeAll(async () => {
  store = await testStore(database)
  const admin = store.client()
  await admin.command({ query: `CREATE DATABASE IF NOT EXISTS ${database}` })
  client = store.client({ database })
})
afterAll(async () => store[Symbol.asyncDispose]())

const table = async (columns: string): Promise<string> => {
  tables += 1
  const name = `t${tables}_${Date.now()}`
  await client.command({ query: `CREATE TABLE ${name} (${columns}) ENGINE = MergeTree ORDER BY tuple()` })
  return name
}
const rows = async (query: string, query_params = {}, using = client): Promise<unknown[]> =>
  await (await using.query({ query, query_params, format: 'JSONCompactEachRow' })).json()
const tsv = async (query: string, options = {}): Promise<string> =>
  await (await client.query({ query, format: 'TabSeparated', ...options })).text()
/** Waits until so many statements that contain this run. */
const running = (part: string, count = 1) =>
  expect
    .poll(() =>
      tsv(`SELECT count() FROM system.processes WHERE query LIKE '%${part}%' AND query NOT LIKE '%processes%'`),
    )
    .toBe(`${count}\n`)

describe('parameters', () => {
  const when = new Date(Date.UTC(2024, 1, 29, 12, 30, 45, 678))
  test.each<[string, unknown, unknown]>([
    ['UInt8', 255, 255],
    ['Int64', '-9223372036854775808', '-9223372036854775808'],
    ['UInt64', 2n ** 64n - 1n, '18446744073709551615'],
    ['Int256', String(-(2n ** 255n)), String(-(2n ** 255n))],
    ['Float32', 0.5, '0.5'],
    ['Float64', Number.POSITIVE_INFINITY, 'inf'],
    ['Float64', Number.NaN, 'nan'],
    ['Decimal(18, 4)', '12.3456', '12.3456'],
    ['Bool', true, 'true'],
    ['String', '', ''],
    ['String', 'it\'s \\ \t \n \r " ` {x:String} -- 🙂', 'it\'s \\ \t \n \r " ` {x:String} -- 🙂'],
    ['FixedString(3)', 'abc', 'abc'],
    ['LowCardinality(String)', 'low', 'low'],
    ['Nullable(String)', null, null],
    ['Nullable(Int8)', 7, '7'],
    ['Date', '2024-02-29', '2024-02-29'],
    ["DateTime('UTC')", new Date(Date.UTC(2024, 0, 1)), '2024-01-01 00:00:00'],
    ["DateTime64(3, 'UTC')", when, '2024-02-29 12:30:45.678'],
    ['UUID', '61f0c404-5cb3-11e7-907b-a6006ad3dba0', '61f0c404-5cb3-11e7-907b-a6006ad3dba0'],
    ['IPv4', '127.0.0.1', '127.0.0.1'],
    ['IPv6', '::1', '::1'],
    ["Enum8('a' = 1, 'b' = 2)", 'b', 'b'],
    ['Array(Int32)', [1, -2], '[1,-2]'],
    ['Array(String)', ["a'b", ''], "['a\\'b','']"],
    ['Array(Array(UInt8))', [[1], []], '[[1],[]]'],
    ['Tuple(UInt8, String)', new TupleParam([1, 'x']), "(1,'x')"],
    ['Map(String, UInt8)', { a: 1 }, "{'a':1}"],
    ['Map(String, Array(UInt8))', new Map([['k', [1, 2]]]), "{'k':[1,2]}"],
  ])('%s %s', async (type, value, expected) => {
    const [[found]] = (await rows(`SELECT toString({value:${type}})`, { value })) as [[unknown]]
    expect(found === null ? null : String(found)).toBe(expected === null ? null : String(expected))
  })

  test('several at once, of an identifier too', async () => {
    const name = await table('a Int32')
    const found = await rows('SELECT {a:Int32} + {b:Int32} FROM (SELECT count() FROM {name:Identifier})', {
      a: 1,
      b: 2,
      name,
    })
    expect(found).toEqual([[3]])
  })

  test('one that is longer than a URL goes as a form', async () => {
    const long = 'ä'.repeat(50_000)
    const result = await client.query({
      query: 'SELECT toUInt32(lengthUTF8({long:String}))',
      query_params: { long },
      format: 'JSONCompactEachRow',
      use_multipart_params: true,
    })
    expect(await result.json()).toEqual([[50_000]])
  })

  test('one that is missing is an error', async () => {
    await expect(rows('SELECT {nobody:String}')).rejects.toMatchObject({ code: '456' })
  })
})

describe('selects', () => {
  test.each<[DataFormat, string]>([
    ['JSONEachRow', '{"n":0,"s":"a"}\n{"n":1,"s":"a"}\n'],
    ['JSONStringsEachRow', '{"n":"0","s":"a"}\n{"n":"1","s":"a"}\n'],
    ['JSONCompactEachRow', '[0, "a"]\n[1, "a"]\n'],
    ['JSONCompactStringsEachRow', '["0", "a"]\n["1", "a"]\n'],
    ['JSONCompactEachRowWithNames', '["n", "s"]\n[0, "a"]\n[1, "a"]\n'],
    ['JSONCompactEachRowWithNamesAndTypes', '["n", "s"]\n["UInt8", "String"]\n[0, "a"]\n[1, "a"]\n'],
    ['CSV', '0,"a"\n1,"a"\n'],
    ['CSVWithNames', '"n","s"\n0,"a"\n1,"a"\n'],
    ['CSVWithNamesAndTypes', '"n","s"\n"UInt8","String"\n0,"a"\n1,"a"\n'],
    ['TabSeparated', '0\ta\n1\ta\n'],
    ['TabSeparatedRaw', '0\ta\n1\ta\n'],
    ['TabSeparatedWithNames', 'n\ts\n0\ta\n1\ta\n'],
    ['TabSeparatedWithNamesAndTypes', 'n\ts\nUInt8\tString\n0\ta\n1\ta\n'],
    ['CustomSeparated', '0\ta\n1\ta\n'],
  ])('in %s', async (format, expected) => {
    const result = await client.query({ query: "SELECT toUInt8(number) AS n, 'a' AS s FROM numbers(2)", format })
    expect(await result.text()).toBe(expected)
  })

  test.each<DataFormat>(['JSON', 'JSONStrings', 'JSONCompact', 'JSONCompactStrings', 'JSONColumnsWithMetadata'])(
    'in %s, with the columns beside the rows',
    async (format) => {
      const result = await client.query({ query: 'SELECT toUInt8(number) AS n FROM numbers(3) LIMIT 2', format })
      expect(await result.json()).toMatchObject({ meta: [{ name: 'n', type: 'UInt8' }], rows: 2 })
    },
  )

  test.each([
    'Pretty',
    'PrettyCompact',
    'Vertical',
    'Markdown',
    'XML',
    'Values',
    'SQLInsert',
    'Parquet',
    'Native',
    'RowBinary',
    'Arrow',
  ])('in %s, through exec', async (format) => {
    const { stream } = await client.exec({ query: `SELECT number FROM numbers(2) FORMAT ${format}` })
    expect((await text(stream)).length).toBeGreaterThan(0)
  })

  test('a million rows stream, in order and complete', async () => {
    const result = await client.query({ query: 'SELECT number FROM numbers(1000000)', format: 'CSV' })
    let next = 0
    for await (const chunk of result.stream()) {
      for (const row of chunk) {
        if (row.text !== String(next)) throw new Error(`row ${next} is ${row.text}`)
        next += 1
      }
    }
    expect(next).toBe(1_000_000)
  })

  test('headers stand once, before the first row', async () => {
    const query = 'SELECT number FROM numbers(300000)'
    const body = await (await client.query({ query, format: 'CSVWithNames' })).text()
    expect(body.split('"number"').length).toBe(2)
    const columns = (await (await client.query({ query, format: 'JSON' })).json()) as { data: unknown[] }
    expect(columns.data.length).toBe(300_000)
  })

  test('packed answers are the same', async () => {
    const packed = store.client({ database, compression: { response: true } })
    const found = await rows('SELECT sum(number), count() FROM (SELECT number FROM numbers(10))', {}, packed)
    expect(found).toEqual(await rows('SELECT sum(number), count() FROM (SELECT number FROM numbers(10))'))
    const result = await packed.query({ query: 'SELECT number FROM numbers(200000)', format: 'CSV' })
    expect((await result.text()).split('\n').length).toBe(200_001)
  })

  test('comments, semicolons and words in quotes do not confuse it', async () => {
    expect(await tsv("SELECT 'FORMAT JSON; ' AS format -- FORMAT XML")).toBe('FORMAT JSON; \n')
    expect(await tsv('/* a */ WITH 1 AS x SELECT x /* FORMAT CSV */')).toBe('1\n')
    expect(await tsv('(SELECT 1)')).toBe('1\n')
    expect(await tsv('SELECT $a$ ; $a$')).toBe(' ; \n')
  })

  test('settings, in the statement and beside it', async () => {
    const clickhouse_settings = { max_threads: 3 }
    expect(await tsv("SELECT getSetting('max_threads')", { clickhouse_settings })).toBe('3\n')
    expect(await tsv("SELECT getSetting('max_threads') SETTINGS max_threads = 5")).toBe('5\n')
    expect(await tsv("SELECT getSetting('max_threads') = 3")).toBe('0\n')
  })

  test('a statement that returns nothing, and one whose rows are none', async () => {
    expect(await tsv('SELECT 1 WHERE 0')).toBe('')
    const result = await client.query({ query: 'SELECT 1 AS a WHERE 0', format: 'JSON' })
    expect(await result.json()).toMatchObject({ data: [], rows: 0 })
  })

  test.each([
    'SHOW TABLES',
    'DESCRIBE TABLE system.one',
    'EXPLAIN SELECT 1',
    'EXISTS TABLE system.one',
    'SHOW DATABASES',
  ])('%s', async (query) => {
    expect(await (await client.query({ query, format: 'JSONEachRow' })).json()).toBeInstanceOf(Array)
  })

  test('the answer says which query, which format and what was read', async () => {
    const result = await client.query({
      query: 'SELECT number FROM numbers(10)',
      query_id: 'named',
      format: 'JSONEachRow',
    })
    await result.text()
    expect(result.query_id).toBe('named')
    expect(result.response_headers).toMatchObject({
      'x-clickhouse-query-id': 'named',
      'x-clickhouse-format': 'JSONEachRow',
      'x-clickhouse-timezone': expect.any(String),
      'x-clickhouse-summary': expect.stringContaining('read_rows'),
    })
  })
})

describe('inserts', () => {
  const two = [
    { n: 1, s: 'one' },
    { n: 2, s: "t'wo\n\n;" },
  ]
  test.each<[DataFormat, unknown]>([
    ['JSONEachRow', two],
    ['JSONStringsEachRow', two.map(({ n, s }) => ({ n: String(n), s }))],
    ['JSONCompactEachRow', two.map(({ n, s }) => [n, s])],
    ['JSONCompactStringsEachRow', two.map(({ n, s }) => [String(n), s])],
    ['JSONCompactEachRowWithNames', [['n', 's'], ...two.map(({ n, s }) => [n, s])]],
    ['JSONCompactEachRowWithNamesAndTypes', [['n', 's'], ['Int32', 'String'], ...two.map(({ n, s }) => [n, s])]],
    [
      'JSON',
      {
        meta: [
          { name: 'n', type: 'Int32' },
          { name: 's', type: 'String' },
        ],
        data: two,
      },
    ],
    ['JSONObjectEachRow', { a: two[0], b: two[1] }],
    ['CSV', Readable.from(['1,"one"\n2,"t\'wo\n\n;"\n'], { objectMode: false })],
    ['CSVWithNames', Readable.from(['"s","n"\n"one",1\n"t\'wo\n\n;",2\n'], { objectMode: false })],
    ['TabSeparated', Readable.from(["1\tone\n2\tt'wo\\n\\n;\n"], { objectMode: false })],
    ['TabSeparatedWithNames', Readable.from(["n\ts\n1\tone\n2\tt'wo\\n\\n;\n"], { objectMode: false })],
  ])('as %s', async (format, values) => {
    const name = await table('n Int32, s String')
    await client.insert({ table: name, values: values as unknown[], format })
    expect(await rows(`SELECT n, s FROM ${name} ORDER BY n`)).toEqual([
      [1, 'one'],
      [2, "t'wo\n\n;"],
    ])
  })

  test('as VALUES in the statement, with DEFAULT, expressions and settings', async () => {
    const name = await table("n Int32 DEFAULT 5, s String DEFAULT concat('d', toString(n))")
    await client.command({ query: `INSERT INTO ${name} (n, s) VALUES (1, 'a;b'), (1 + 1, DEFAULT), (3, lower('ABC'))` })
    await client.command({ query: `INSERT INTO ${name} (s) SETTINGS max_threads = 1 VALUES ('only')` })
    expect(await rows(`SELECT * FROM ${name} ORDER BY n`)).toEqual([
      [1, 'a;b'],
      [2, 'd2'],
      [3, 'abc'],
      [5, 'only'],
    ])
  })

  test('from a SELECT, and through input()', async () => {
    const name = await table('n Int64')
    await client.command({ query: `INSERT INTO ${name} SELECT number FROM numbers(3)` })
    const query = `INSERT INTO ${name} SELECT a * 10 FROM input('a Int64') WHERE a > 1 FORMAT JSONEachRow`
    const { stream } = await client.exec({
      query,
      values: Readable.from(['{"a":1}\n{"a":2}\n'], { objectMode: false }),
    })
    await text(stream)
    expect((await rows(`SELECT toInt32(n) FROM ${name} ORDER BY n`)).flat()).toEqual([0, 1, 2, 20])
  })

  test('as a stream of many rows, packed', async () => {
    const name = await table('n Int32')
    const packed = store.client({ database, compression: { request: true } })
    const lines = Readable.from(
      (function* () {
        for (let n = 0; n < 20_000; n += 1) yield { n }
      })(),
    )
    await packed.insert({ table: name, values: lines, format: 'JSONEachRow' })
    expect(await tsv(`SELECT count(), sum(n) FROM ${name}`)).toBe(`20000\t${(20_000 * 19_999) / 2}\n`)
  })

  test('nothing, some columns, and all but some', async () => {
    const name = await table('n Int32, s String DEFAULT upper(toString(n))')
    expect(await client.insert({ table: name, values: [], format: 'JSONEachRow' })).toMatchObject({ executed: false })
    await client.insert({ table: name, values: [{ n: 1 }], format: 'JSONEachRow', columns: ['n'] })
    await client.insert({ table: name, values: [{ n: 2 }], format: 'JSONEachRow', columns: { except: ['s'] } })
    expect(await rows(`SELECT * FROM ${name} ORDER BY n`)).toEqual([
      [1, '1'],
      [2, '2'],
    ])
  })

  test('the answer says how many rows were written', async () => {
    const name = await table('n Int32')
    const { summary } = await client.insert({ table: name, values: [{ n: 1 }, { n: 2 }], format: 'JSONEachRow' })
    expect(summary).toMatchObject({ written_rows: '2' })
  })

  test('a row that does not fit is an error, and none of the insert is kept', async () => {
    const name = await table('n Int32')
    const values = [{ n: 1 }, { n: 'x' }]
    await expect(client.insert({ table: name, values, format: 'JSONEachRow' })).rejects.toMatchObject({ code: '27' })
    expect(await tsv(`SELECT count() FROM ${name}`)).toBe('0\n')
  })
})

describe('failures', () => {
  test.each<[string, string, string]>([
    ['selec 1', '62', 'SYNTAX_ERROR'],
    ['SELECT nothing', '47', 'UNKNOWN_IDENTIFIER'],
    ['SELECT * FROM nowhere', '60', 'UNKNOWN_TABLE'],
    ['SELECT nofunction()', '46', 'UNKNOWN_FUNCTION'],
    ["SELECT throwIf(1, 'told')", '395', 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO'],
    ['SELECT 1 SETTINGS nosetting = 1', '115', 'UNKNOWN_SETTING'],
    ['SELECT 1; SELECT 2', '62', 'SYNTAX_ERROR'],
    ["SELECT 1 INTO OUTFILE 'x'", '358', 'INTO_OUTFILE_NOT_ALLOWED'],
    ["SELECT toInt8('x')", '6', 'CANNOT_PARSE_TEXT'],
    ['CREATE TABLE (', '62', 'SYNTAX_ERROR'],
  ])('%s', async (query, code, type) => {
    await expect(client.query({ query, format: 'CSV' }).then((result) => result.text())).rejects.toMatchObject({
      code,
      type,
    })
  })

  test('an unknown format and an unknown database', async () => {
    await expect(client.exec({ query: 'SELECT 1 FORMAT Nonsense' })).rejects.toMatchObject({ code: '73' })
    await expect(store.client({ database: 'nowhere' }).command({ query: 'SELECT 1' })).rejects.toMatchObject({
      code: '81',
    })
  })

  test('one in the middle of a result reaches who reads it', async () => {
    const query = 'SELECT throwIf(number = 5000000) FROM numbers(10000000) SETTINGS max_block_size = 1000'
    const result = await client.query({ query, format: 'JSONEachRow' })
    const read = async () => {
      for await (const _ of result.stream());
    }
    await expect(read()).rejects.toThrow(/non-zero/)
  })

  test('a wrong password and an unknown user', async () => {
    const wrong = store.client({ password: 'wrong' })
    await expect(wrong.command({ query: 'SELECT 1' })).rejects.toMatchObject({ code: '516' })
    const unknown = store.client({ username: 'nobody' })
    await expect(unknown.command({ query: 'SELECT 1' })).rejects.toMatchObject({ code: '516' })
  })
})

describe('sessions, ids and cancelling', () => {
  test('a session keeps temporary tables and settings; without one they are gone', async () => {
    const session = store.client({ database, session_id: `s-${Date.now()}` })
    await session.command({ query: 'CREATE TEMPORARY TABLE kept (n Int32)' })
    await session.insert({ table: 'kept', values: [{ n: 7 }], format: 'JSONEachRow' })
    await session.command({ query: 'SET max_threads = 2' })
    expect(await rows("SELECT n, toUInt8(getSetting('max_threads')) FROM kept", {}, session)).toEqual([[7, 2]])
    await expect(rows('SELECT n FROM kept')).rejects.toMatchObject({ code: '60' })
  })

  test('settings of one request in a session do not stay', async () => {
    const session = store.client({ database, session_id: `t-${Date.now()}` })
    await session.command({ query: 'SELECT 1', clickhouse_settings: { max_threads: 7 } })
    expect(await rows("SELECT getSetting('max_threads') = 7", {}, session)).toEqual([[0]])
  })

  test('an insert leaves neither settings nor parameters to the next, nor does one that failed', async () => {
    const name = await table('n Int32, retries Int32')
    const insert = async (value: string, add: number, retries?: string) => {
      const { stream } = await client.exec({
        query: `INSERT INTO ${name} SETTINGS max_insert_threads = 2
          SELECT n + {add:Int32}, getSetting('insert_keeper_max_retries') FROM input('n Int32') FORMAT CSV`,
        values: Readable.from([`${value}\n`], { objectMode: false }),
        query_params: { add },
        ...(retries === undefined ? {} : { clickhouse_settings: { insert_keeper_max_retries: retries } }),
      })
      await text(stream)
    }
    await insert('0', 1, '77')
    await insert('10', 1, '77')
    await expect(insert('none', 1, '77')).rejects.toThrow()
    await insert('20', 1)
    await insert('30', 2, '77')
    await insert('40', 2)
    await insert('50', 1, '77')
    const found = await rows(`SELECT n, retries = 77 FROM ${name} ORDER BY n`)
    expect(found).toEqual([
      [1, 1],
      [11, 1],
      [21, 0],
      [32, 1],
      [42, 0],
      [51, 1],
    ])
  })

  test('a second statement with the same id is refused while the first runs', async () => {
    const query_id = `twice-${Date.now()}`
    const endless = client
      .query({ query: 'SELECT count() AS driftline_twice FROM numbers(1000000000000)', query_id, format: 'CSV' })
      .then((result) => result.text())
    endless.catch(() => {})
    await running('driftline_twice')
    await expect(client.query({ query: 'SELECT 1', query_id, format: 'CSV' })).rejects.toMatchObject({ code: '216' })
    await client.command({ query: `KILL QUERY WHERE query_id = '${query_id}' ASYNC` })
    await expect(endless).rejects.toMatchObject({ code: '394' })
    expect(await tsv('SELECT 1', { query_id })).toBe('1\n')
  })

  test('a statement can be killed by its id', async () => {
    const query_id = `kill-${Date.now()}`
    const endless = client
      .query({ query: 'SELECT count() FROM numbers(1000000000000)', query_id, format: 'CSV' })
      .then((result) => result.text())
    endless.catch(() => {})
    await expect.poll(async () => tsv(`KILL QUERY WHERE query_id = '${query_id}' ASYNC`)).not.toBe('')
    await expect(endless).rejects.toMatchObject({ code: '394' })
  })

  test('an aborted query ends in the engine, and the client goes on', async () => {
    const abort = new AbortController()
    const query = 'SELECT count() AS driftline_aborted FROM numbers(1000000000000)'
    const endless = client.query({ query, format: 'CSV', abort_signal: abort.signal })
    endless.catch(() => {})
    await running('driftline_aborted')
    abort.abort()
    await expect(endless).rejects.toThrow()
    // A server ends a read whose client has left only when it is told to (cancel_http_readonly_queries_on_client_close).
    if (store.process !== undefined) await running('driftline_aborted', 0)
    expect(await tsv('SELECT 1')).toBe('1\n')
  })

  test('a result that is left unread half-way does not hold up others', async () => {
    const abort = new AbortController()
    const result = await client.query({
      query: 'SELECT number FROM numbers(1000000000)',
      format: 'CSV',
      abort_signal: abort.signal,
    })
    const first = await result.stream().read()
    expect(first === null || first.length > 0).toBe(true)
    abort.abort()
    expect(await tsv('SELECT 1')).toBe('1\n')
  })

  test('many clients at once, each with its own parameters and settings', async () => {
    const asked = Array.from({ length: 60 }, (_, n) => n)
    const found = await Promise.all(
      asked.map((n) =>
        tsv("SELECT {n:UInt32}, getSetting('max_block_size')", {
          query_params: { n },
          clickhouse_settings: { max_block_size: String(1000 + n) },
        }),
      ),
    )
    expect(found).toEqual(asked.map((n) => `${n}\t${1000 + n}\n`))
  })

  test('inserts and selects at once lose nothing', async () => {
    const name = await table('n Int32')
    const insert = (n: number) => client.insert({ table: name, values: [{ n }, { n: n + 100 }], format: 'JSONEachRow' })
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => Promise.all([insert(n), tsv(`SELECT count() FROM ${name}`)])),
    )
    expect(await tsv(`SELECT count(), uniqExact(n) FROM ${name}`)).toBe('40\t40\n')
  })

  test('ping, with and without a statement', async () => {
    expect(await client.ping()).toEqual({ success: true })
    expect(await client.ping({ select: true })).toEqual({ success: true })
  })
})
