import { existsSync, readdirSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readStoreAddress } from '../store-file.ts'
import { type TestStore, testStore } from '../testing/test-store.ts'
import { startStoreProcess } from './start.ts'

// What only the embedded store promises: who may ask, what a bare HTTP client sees, and how it starts and ends.
let server: string | undefined
let store: TestStore

beforeAll(async () => {
  server = process.env.DRIFTLINE_TEST_CLICKHOUSE_URL
  delete process.env.DRIFTLINE_TEST_CLICKHOUSE_URL
  store = await testStore('driftline_http')
})
afterAll(async () => {
  await store[Symbol.asyncDispose]()
  if (server !== undefined) process.env.DRIFTLINE_TEST_CLICKHOUSE_URL = server
})

interface Reply {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: string
}

/** `fetch` would set Host and Origin by itself. */
function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
) {
  return new Promise<Reply>((resolve, reject) => {
    const { method = options.body === undefined ? 'GET' : 'POST', headers = {}, body } = options
    const sent = request(new URL(path, store.url), { method, headers, agent: false }, (response) => {
      text(response).then(
        (read) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: read }),
        reject,
      )
    })
    sent.on('error', reject).end(body)
  })
}

const owner = () => ({ 'X-ClickHouse-User': store.user, 'X-ClickHouse-Key': store.password })
const run = (sql: string, more: { headers?: Record<string, string>; body?: string | Buffer; search?: string } = {}) =>
  ask(`/?query=${encodeURIComponent(sql)}${more.search ?? ''}`, {
    method: 'POST',
    headers: { ...owner(), ...more.headers },
    ...(more.body === undefined ? {} : { body: more.body }),
  })

/** Waits until a statement that contains this runs; the one that asks contains it too. */
const running = (part: string) =>
  expect
    .poll(async () => (await run(`SELECT count() FROM system.processes WHERE query LIKE '%${part}%'`)).body)
    .toBe('2\n')

describe('who may ask', () => {
  test('Basic, headers and URL all name the owner', async () => {
    const basic = Buffer.from(`${store.user}:${store.password}`).toString('base64')
    const sql = '/?query=SELECT+1'
    expect((await ask(sql, { headers: { Authorization: `Basic ${basic}` } })).body).toBe('1\n')
    expect((await ask(sql, { headers: owner() })).body).toBe('1\n')
    expect((await ask(`${sql}&user=${store.user}&password=${store.password}`)).body).toBe('1\n')
  })

  test('no password is 401 and 194, a wrong one 403 and 516', async () => {
    const none = await ask('/?query=SELECT+1')
    expect([none.status, none.headers['x-clickhouse-exception-code']]).toEqual([401, '194'])
    const wrong = await ask('/?query=SELECT+1', { headers: { ...owner(), 'X-ClickHouse-Key': 'no' } })
    expect([wrong.status, wrong.headers['x-clickhouse-exception-code']]).toEqual([403, '516'])
  })

  test.each<Record<string, string>>([
    { Host: 'evil.example' },
    { Host: 'evil.example:8123' },
    { Host: '127.0.0.1.evil.example' },
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { 'Sec-Fetch-Site': 'cross-site' },
  ])('a web page is refused: %j', async (headers) => {
    expect((await ask('/?query=SELECT+1', { headers: { ...owner(), ...headers } })).status).toBe(403)
    expect((await ask('/ping', { headers })).status).toBe(403)
  })

  test('its process has no variable of ours', async () => {
    const path = `/proc/${store.process?.pid}/environ`
    if (process.platform !== 'linux') return
    expect((await run(`SELECT file('${path}')`)).body).not.toContain('DRIFTLINE')
  })
})

describe('what a bare client sees', () => {
  test('probes need no password', async () => {
    for (const path of ['/', '/ping', '/replicas_status']) {
      expect(await ask(path)).toMatchObject({ status: 200, body: 'Ok.\n' })
    }
    expect((await ask('/nowhere')).status).toBe(404)
  })

  test('the statement may begin in the URL and go on in the body', async () => {
    expect((await run('SELECT 1', { body: '+ 1' })).body).toBe('2\n')
    expect((await ask('/', { headers: owner(), body: 'SELECT 3' })).body).toBe('3\n')
  })

  test('data follows the statement in URL or body, after its first line break', async () => {
    await run('CREATE TABLE lines (s String) ENGINE = MergeTree ORDER BY tuple()')
    expect((await run('INSERT INTO lines FORMAT TSV', { body: 'a\n' })).status).toBe(200)
    expect((await ask('/', { headers: owner(), body: 'INSERT INTO lines FORMAT TSV\nb\n' })).status).toBe(200)
    expect((await ask('/', { headers: owner(), body: "INSERT INTO lines VALUES ('c')" })).status).toBe(200)
    expect((await run('SELECT groupArray(s) FROM (SELECT s FROM lines ORDER BY s)')).body).toBe("['a','b','c']\n")
  })

  test('GET changes nothing', async () => {
    const drop = await ask('/?query=DROP+TABLE+lines', { headers: owner() })
    expect(drop.headers['x-clickhouse-exception-code']).toBe('164')
  })

  test('gzip in and out, only when asked for', async () => {
    const body = gzipSync('INSERT INTO lines FORMAT TSV\npacked\n')
    expect((await ask('/', { headers: { ...owner(), 'Content-Encoding': 'gzip' }, body })).status).toBe(200)
    const plain = await run('SELECT 1', { headers: { 'Accept-Encoding': 'gzip' } })
    expect(plain.headers['content-encoding']).toBeUndefined()
    const reply = await fetch(`${store.url}/?query=SELECT+1&enable_http_compression=1`, {
      headers: { ...owner(), 'Accept-Encoding': 'gzip' },
    })
    expect([reply.headers.get('content-encoding'), await reply.text()]).toEqual(['gzip', '1\n'])
  })

  test('damaged gzip is a clear error', async () => {
    const body = gzipSync('INSERT INTO lines FORMAT TSV\nx\n').subarray(0, 20)
    const reply = await ask('/', { headers: { ...owner(), 'Content-Encoding': 'gzip' }, body })
    expect([reply.status, reply.body]).toEqual([400, expect.stringContaining('not valid gzip')])
    expect(() => gunzipSync(body)).toThrow()
  })

  test('default_format, FORMAT in the statement, and JSON with its content type', async () => {
    expect((await run('SELECT 1 AS a', { search: '&default_format=JSONEachRow' })).body).toBe('{"a":1}\n')
    expect((await run('SELECT 1 AS a FORMAT CSV', { search: '&default_format=JSONEachRow' })).body).toBe('1\n')
    const json = await run('SELECT 1 FORMAT JSON')
    expect(json.headers['content-type']).toBe('application/json; charset=UTF-8')
  })

  test('a failure in the middle is appended where clients look for it', async () => {
    const reply = await run('SELECT throwIf(number = 3000000) FROM numbers(5000000) SETTINGS max_block_size = 1000')
    const tag = String(reply.headers['x-clickhouse-exception-tag'])
    expect(reply.status).toBe(200)
    expect(reply.body).toContain(`\r\n__exception__\r\n${tag}\r\nCode: 395.`)
    expect(reply.body.endsWith(` ${tag}\r\n__exception__\r\n`)).toBe(true)
  })

  test('with wait_end_of_query the same failure has its status', async () => {
    const sql = 'SELECT throwIf(number = 3000000) FROM numbers(5000000) SETTINGS max_block_size = 1000'
    const reply = await run(sql, { search: '&wait_end_of_query=1' })
    expect([reply.status, reply.headers['x-clickhouse-exception-code']]).toEqual([500, '395'])
  })

  test('a session must exist when asked so, and is one request at a time', async () => {
    const missing = await run('SELECT 1', { search: '&session_id=none&session_check=1' })
    expect(missing.headers['x-clickhouse-exception-code']).toBe('372')
    const inSession = (sql: string, more = '') => run(sql, { search: `&session_id=one${more}` })
    const endless = inSession('SELECT count() FROM numbers(2000000000000)', '&query_id=in-session')
    await running('numbers(2000000000000)')
    expect((await inSession('SELECT 1')).headers['x-clickhouse-exception-code']).toBe('373')
    await run("KILL QUERY WHERE query_id = 'in-session' ASYNC")
    expect((await endless).headers['x-clickhouse-exception-code']).toBe('394')
    await expect.poll(async () => (await inSession('SELECT 1')).body).toBe('1\n')
  })

  test('a running query is replaced on demand', async () => {
    const slow = run('SELECT count() FROM numbers(1000000000000)', { search: '&query_id=swap' })
    await running('numbers(1000000000000)')
    expect((await run('SELECT 5', { search: '&query_id=swap&replace_running_query=1' })).body).toBe('5\n')
    expect((await slow).headers['x-clickhouse-exception-code']).toBe('394')
  })

  test.each(['compress=1', 'decompress=1'])(
    '%s, its own compression, is refused with what to use instead',
    async (field) => {
      expect((await run('SELECT 1', { search: `&${field}` })).body).toContain('Content-Encoding')
    },
  )

  test('a name that is no setting never reaches SQL', async () => {
    expect((await run('SELECT 1', { search: "&x'%3B+DROP=1" })).headers['x-clickhouse-exception-code']).toBe('115')
    expect((await run('SELECT 1', { search: "&param_x'%3B=1" })).headers['x-clickhouse-exception-code']).toBe('115')
  })

  test('an upload that breaks off leaves nothing: no row, no file', async () => {
    const { port } = new URL(store.url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(
      `POST /?query=INSERT+INTO+lines+FORMAT+TSV HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-ClickHouse-User: ${store.user}\r\n` +
        `X-ClickHouse-Key: ${store.password}\r\nContent-Length: 3000000\r\n\r\n${'broken\n'.repeat(200_000)}`,
    )
    const bodies = join(store.config.data, 'store/bodies')
    await expect.poll(() => readdirSync(bodies).length).toBe(1)
    socket.destroy()
    await expect.poll(() => readdirSync(bodies).length).toBe(0)
    expect((await run("SELECT count() FROM lines WHERE s = 'broken'")).body).toBe('0\n')
  })
})

describe('its life', () => {
  test('the address is for the owner alone', () => {
    expect(statSync(join(store.config.data, 'store.json')).mode & 0o777).toBe(0o600)
    expect(statSync(join(store.config.data, 'store/password')).mode & 0o777).toBe(0o600)
    expect(readStoreAddress(store.config.data)).toMatchObject({ url: store.url, pid: store.process?.pid })
  })

  test('a second process on the same folder is refused', async () => {
    const { data } = store.config
    const second = startStoreProcess({ data, port: 0, anyPort: true, database: 'driftline', logLevel: 'silent' })
    await expect(second).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    expect((await ask('/ping')).status).toBe(200)
  })

  test('caches of what was merged away long ago take at most a quarter of a gigabyte', async () => {
    const caches = await run(
      `SELECT count(), sum(toUInt64(value)) <= 256e6 FROM system.server_settings
       WHERE name IN ('mark_cache_size', 'index_mark_cache_size', 'primary_index_cache_size', 'query_condition_cache_size')`,
    )
    expect(caches.body).toBe('4\t1\n')
  })

  test('it is said which signal ended it', async () => {
    const other = await testStore('driftline_killed')
    process.kill(other.process?.pid ?? 0, 'SIGKILL')
    expect(await other.process?.ended).toEqual({ killedBy: 'SIGKILL' })
    await other[Symbol.asyncDispose]()
  })

  test('it stops at once with a statement running, takes its address with it, and keeps its rows', async () => {
    const other = await testStore('driftline_life')
    const client = other.client({ database: 'driftline_life' })
    await client.command({ query: 'CREATE TABLE kept (n Int8) ENGINE = MergeTree ORDER BY n' })
    await client.insert({ table: 'kept', values: [{ n: 1 }], format: 'JSONEachRow' })
    const endless = client.query({ query: 'SELECT count() FROM numbers(1000000000000)' }).catch((error) => error)
    await expect
      .poll(async () => (await client.query({ query: 'SELECT count() FROM system.processes', format: 'CSV' })).text())
      .toBe('2\n')
    process.kill(other.process?.pid ?? 0, 'SIGTERM')
    expect(await other.process?.ended).toEqual({ code: 0 })
    expect(await endless).toBeInstanceOf(Error)
    expect(existsSync(join(other.config.data, 'store.json'))).toBe(false)

    const { data } = other.config
    const again = await startStoreProcess({
      data,
      port: 0,
      anyPort: true,
      database: 'driftline_life',
      logLevel: 'silent',
    })
    const later = other.client({ url: again.url, database: 'driftline_life' })
    const kept = await later.query({ query: 'SELECT n FROM kept', format: 'CSV' })
    expect(await kept.text()).toBe('1\n')
    await again[Symbol.asyncDispose]()
    await other[Symbol.asyncDispose]()
  })
})
