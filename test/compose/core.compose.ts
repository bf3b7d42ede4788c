import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type StoreProcess, startStoreProcess } from '../../clickhouse/embedded/start.ts'
import { readStoreAddress } from '../../clickhouse/store-file.ts'
import { freePorts } from '../free-ports.ts'
import { KafkaCluster } from '../kafka/cluster.ts'
import { composeServices, type Service } from './compose-file.ts'
import { Host } from './host.ts'

// The profile `core` of docker-compose.yml, without containers: our services and the object store run by the file's own
// commands, environments and health checks, beside a Kafka broker and the embedded ClickHouse in place of two images.

const token = 'a-token-of-the-test'
const services = composeServices({ DRIFTLINE_TOKEN: token, CLICKHOUSE_PASSWORD: 'secret', S3_SECRET: 'another-secret' })
const service = (name: string): Service => {
  const found = services[name]
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`)
  return found
}
/** As an engine names them: containers of a service each have a host name, which `DRIFTLINE_REPLICA=auto` takes. */
const replica = (name: string) => ({ DRIFTLINE_REPLICA: name })
const jobs = [
  ['ingest', 'ingest', replica('ingest-1')],
  ['score-1', 'score', replica('score-1')],
  ['score-2', 'score', replica('score-2')],
  ['drift', 'drift', {}],
  ['alerts', 'alerts', {}],
  ['dashboard', 'dashboard', replica('dashboard-1')],
] as const

let folder: string
let kafka: KafkaCluster
let store: StoreProcess
let host: Host
let page: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-compose-'))
  kafka = await KafkaCluster.start({ version: '4.1.1' })
  const data = join(folder, 'clickhouse')
  store = await startStoreProcess({ data, port: 0, anyPort: true, database: 'driftline', logLevel: 'silent' })
  const { url, user, password } = readStoreAddress(data) ?? { url: '', user: '', password: '' }
  const [s3 = 0, web = 0] = await freePorts(2)
  page = `http://127.0.0.1:${web}`
  const places = {
    'redpanda:9092': kafka.addresses(),
    'http://clickhouse:8123': url,
    'http://127.0.0.1:8123': url,
    'http://s3:7070': `http://127.0.0.1:${s3}`,
    '127.0.0.1:7070': `127.0.0.1:${s3}`,
    '--port :7070': `--port 127.0.0.1:${s3}`,
    '/s3': join(folder, 's3'),
    '/data': join(folder, 'data'),
  }
  const environment = {
    DRIFTLINE_CLICKHOUSE_USER: user,
    DRIFTLINE_CLICKHOUSE_PASSWORD: password,
    DRIFTLINE_PORT: String(web),
  }
  host = await Host.open({ folder, places, environment })
})
afterAll(async () => {
  await host?.[Symbol.asyncDispose]()
  await store?.[Symbol.asyncDispose]()
  await kafka?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

const eventually = { timeout: 90_000, interval: 500 }
const ask = (path: string) => fetch(`${page}${path}`, { headers: { authorization: `Bearer ${token}` } })
const asked = async () => ({ status: (await ask('/readyz').catch(() => undefined))?.status, ended: host.ended })

test('the services of profile core score posts, are healthy and leave log and tables equal', async () => {
  host.start('s3', service('s3'))
  await expect.poll(() => host.isHealthy(service('s3')), eventually).toBe(true)
  expect(await host.isHealthy(service('clickhouse'))).toBe(true)

  for (const [name, of, environment] of jobs) host.start(name, service(of), environment)
  for (const [name, of, environment] of jobs) {
    await expect.poll(() => host.isHealthy(service(of), environment), { ...eventually, message: name }).toBe(true)
  }
  await expect.poll(asked, eventually).toEqual({ status: 200, ended: [] })
  expect((await fetch(`${page}/api/live`)).status).toBe(401)
  expect(await (await ask('/api/live')).json()).toMatchObject({ model: { name: 'sentiment' } })

  // The registry lies in the object store: what one container publishes, another lists.
  await host.driftline(service('score'), ['models', 'publish', 'models/bundled'])
  expect(await host.driftline(service('dashboard'), ['models', 'list'])).toContain('sentiment')

  // A scorer that is killed fails its check; the other one goes on with all partitions.
  await host.stop('score-2', 'SIGKILL')
  await expect.poll(() => host.isHealthy(service('score'), replica('score-2')), eventually).toBe(false)

  await host.stop('ingest')
  const verified = async () => {
    const { ok, scored, waiting } = JSON.parse(await host.driftline(service('score'), ['verify', '--json']))
    return { ok, isScored: scored > 0, waiting }
  }
  await expect.poll(verified, eventually).toEqual({ ok: true, isScored: true, waiting: 0 })
  expect(host.ended).toEqual([])
})
