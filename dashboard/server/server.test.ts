import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import type { JobStatus } from '../../core/status.ts'
import { PageMessage, type Part, ServerMessage, Snapshot } from '../protocol.ts'
import { ReviewDesk } from './review-desk.ts'
import { createServer } from './server.ts'
import { MemoryReview } from './testing/memory-review.ts'
import { allWorking, type ScriptedFeed, sampleSnapshot, scriptedFeed } from './testing/scripted-feed.ts'
import { ScriptedAlerts, ScriptedDrift, ScriptedModels } from './testing/scripted-pages.ts'

const token = 'correct horse battery staple'.replaceAll(' ', '-')
const local = { host: '127.0.0.1:8787' }
const open: FastifyInstance[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function serve(
  feed: ScriptedFeed = scriptedFeed(),
  over: { token?: string; version?: string } = {},
): Promise<FastifyInstance> {
  const server = await createServer({
    feed,
    desk: new ReviewDesk(new MemoryReview(), systemClock, async () => []),
    drift: new ScriptedDrift(),
    models: new ScriptedModels(),
    alerts: new ScriptedAlerts(),
    clock: systemClock,
    log: silentLog,
    token: over.token,
    version: over.version ?? '1.2.3',
  })
  open.push(server)
  await server.ready()
  return server
}

/** A socket that keeps what it hears. */
async function join(server: FastifyInstance, headers: Record<string, string> = local) {
  const heard: ServerMessage[] = []
  const waiting: (() => void)[] = []
  let socket: WebSocket | undefined
  const onInit = (early: WebSocket) => {
    socket = early
    early.on('message', (data) => {
      heard.push(ServerMessage.parse(JSON.parse(String(data))))
      for (const resolve of waiting.splice(0)) resolve()
    })
  }
  await server.injectWS('/ws', { headers }, { onInit })
  if (socket === undefined) throw new Error('no socket was made')
  const next = async (count: number): Promise<readonly ServerMessage[]> => {
    while (heard.length < count) await new Promise<void>((resolve) => waiting.push(resolve))
    return heard
  }
  return { socket, next }
}

describe('who may ask', () => {
  test.each([
    ['127.0.0.1:8787', 200],
    ['localhost', 200],
    ['[::1]:8787', 200],
    ['LOCALHOST:1', 200],
    ['evil.example', 421],
    ['127.0.0.1.evil.example', 421],
    ['localhost.evil.example:8787', 421],
    ['192.168.1.4:8787', 421],
    ['user@127.0.0.1', 421],
    ['127.0.0.1/x', 421],
  ])('without a token, Host %j gets %i', async (host, status) => {
    const server = await serve()
    for (const url of ['/', '/api/live', '/metrics', '/readyz']) {
      expect((await server.inject({ url, headers: { host } })).statusCode).toBe(status)
    }
  })

  test('a socket is refused to another page, and to a page whose name was rebound to this machine', async () => {
    const server = await serve()
    const origins = ['http://evil.example', 'http://127.0.0.1:9999', 'null', 'http://localhost:8787']
    for (const origin of origins) {
      await expect(server.injectWS('/ws', { headers: { ...local, origin } })).rejects.toThrow('403')
    }
    const rebound = { host: 'evil.example:8787', origin: 'http://evil.example:8787' }
    await expect(server.injectWS('/ws', { headers: rebound })).rejects.toThrow('421')
  })

  test('a socket is given to our own page and to a program that names no page', async () => {
    const server = await serve()
    for (const headers of [local, { ...local, origin: 'http://127.0.0.1:8787' }]) {
      const { socket } = await join(server, headers)
      socket.terminate()
    }
  })

  test('another page may not change anything, whichever address it asks for', async () => {
    const server = await serve()
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'] as const) {
      const headers = { ...local, origin: 'https://evil.example' }
      expect((await server.inject({ method, url: '/api/live', headers })).statusCode).toBe(403)
    }
  })

  test('with a token, everything but the probes needs it', async () => {
    const server = await serve(scriptedFeed(), { token })
    for (const url of ['/api/live', '/metrics', '/favicon.svg', '/nothing']) {
      const refused = await server.inject({ url, headers: local })
      expect(refused.statusCode).toBe(401)
      expect(refused.headers['www-authenticate']).toContain('Bearer')
    }
    await expect(server.injectWS('/ws', { headers: local })).rejects.toThrow('401')
    expect((await server.inject({ url: '/livez', headers: local })).statusCode).toBe(200)
    expect((await server.inject({ url: '/readyz', headers: local })).json()).toEqual({ ready: true })
  })

  test('the token opens as a bearer, under any name', async () => {
    const server = await serve(scriptedFeed(), { token })
    const headers = { host: 'driftline.example', authorization: `Bearer ${token}` }
    expect((await server.inject({ url: '/api/live', headers })).statusCode).toBe(200)
    expect((await server.inject({ url: '/readyz', headers })).json()).toMatchObject({ ready: true, parts: allWorking })
  })

  test.each(['', 'Bearer', 'Bearer x', `Basic ${token}`, `Bearer ${token}x`, `Bearer ${token.slice(1)}`])(
    'authorization %j does not open',
    async (authorization) => {
      const server = await serve(scriptedFeed(), { token })
      expect((await server.inject({ url: '/api/live', headers: { ...local, authorization } })).statusCode).toBe(401)
    },
  )

  test('the token in the address becomes a cookie and leaves the address', async () => {
    const server = await serve(scriptedFeed(), { token })
    const first = await server.inject({ url: `/?token=${token}`, headers: local })
    expect(first.statusCode).toBe(303)
    expect(first.headers.location).toBe('/')
    const set = String(first.headers['set-cookie'])
    expect(set).toContain('HttpOnly')
    expect(set).not.toContain(token)
    const cookie = set.split(';')[0] ?? ''
    expect((await server.inject({ url: '/', headers: { ...local, cookie: `other=1; ${cookie}` } })).statusCode).toBe(
      200,
    )
    const { socket } = await join(server, { ...local, cookie, origin: 'http://127.0.0.1:8787' })
    socket.terminate()
    const forged = `${cookie.slice(0, -1)}${cookie.endsWith('0') ? '1' : '0'}`
    expect((await server.inject({ url: '/api/live', headers: { ...local, cookie: forged } })).statusCode).toBe(401)
  })

  test('a wrong token in the address sets no cookie, and a browser without one is shown a form', async () => {
    const server = await serve(scriptedFeed(), { token })
    for (const url of ['/', '/?token=wrong']) {
      const answer = await server.inject({ url, headers: local })
      expect(answer.statusCode).toBe(401)
      expect(answer.headers['set-cookie']).toBeUndefined()
      expect(answer.body).toContain('<form')
    }
  })

  test('another page cannot use the cookie for a socket', async () => {
    const server = await serve(scriptedFeed(), { token })
    const first = await server.inject({ url: `/?token=${token}`, headers: local })
    const cookie = String(first.headers['set-cookie']).split(';')[0] ?? ''
    const headers = { ...local, cookie, origin: 'https://evil.example' }
    await expect(server.injectWS('/ws', { headers })).rejects.toThrow('403')
  })
})

describe('the page', () => {
  test('it and every other answer forbid what comes from elsewhere', async () => {
    const server = await serve()
    for (const url of ['/', '/api/live', '/nothing', '/livez']) {
      const { headers } = await server.inject({ url, headers: local })
      expect(headers['content-security-policy']).toMatch(/default-src 'none'; script-src 'self'; .*trusted-types/)
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    }
  })

  test('it asks for nothing but its own files, which may be kept for ever', async () => {
    const server = await serve()
    const page = await server.inject({ url: '/', headers: local })
    expect(page.headers['cache-control']).toBe('no-cache')
    const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '')
    expect(links.length).toBeGreaterThanOrEqual(3)
    for (const link of links) {
      expect(link).toMatch(/^\.\//)
      const asset = await server.inject({ url: link.slice(1), headers: local })
      expect(asset.statusCode).toBe(200)
      if (link.includes('/assets/')) expect(asset.headers['cache-control']).toContain('immutable')
    }
  })

  test('files outside of it cannot be reached', async () => {
    const server = await serve()
    for (const url of ['/../package.json', '/%2e%2e/package.json', '/assets/..%2f..%2f..%2fpackage.json', '/.env']) {
      expect((await server.inject({ url, headers: local })).statusCode).toBeGreaterThanOrEqual(400)
    }
  })
})

describe('/api/live', () => {
  test('is the snapshot as the protocol has it', async () => {
    const server = await serve()
    const answer = await server.inject({ url: '/api/live', headers: local })
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(Snapshot.parse(answer.json())).toEqual(sampleSnapshot())
  })

  test('says why there is none', async () => {
    const server = await serve(scriptedFeed(new Error('the disk is gone')))
    const answer = await server.inject({ url: '/api/live', headers: local })
    expect(answer.statusCode).toBe(503)
    expect(answer.json()).toEqual({ error: 'the disk is gone' })
  })
})

describe('/ws', () => {
  test('says hello, then a snapshot, then the newest each time one was drawn', async () => {
    const feed = scriptedFeed()
    const server = await serve(feed)
    const { socket, next } = await join(server)
    const [hello, first] = await next(2)
    expect(hello).toEqual({ type: 'hello', protocol: 1, version: '1.2.3' })
    expect(first).toEqual({ type: 'snapshot', seq: 1, snapshot: sampleSnapshot() })
    feed.next = sampleSnapshot(1_000_000)
    socket.send(JSON.stringify(PageMessage.parse({ type: 'seen', seq: 1 })))
    const later = (await next(3))[2]
    expect(later).toMatchObject({ type: 'snapshot' })
    socket.terminate()
  })

  test.each(['', '{', '[]', '{"type":"hello"}', '{"type":"seen","seq":-1}', '{"type":"look"}', 'x'.repeat(1_000)])(
    'message %j closes the socket and hurts nobody else',
    async (message) => {
      const server = await serve()
      const good = await join(server)
      const bad = await join(server)
      await bad.next(1)
      const closed = new Promise<number>((resolve) => bad.socket.on('close', resolve))
      bad.socket.send(message)
      expect(await closed).toBe(1008)
      await good.next(2)
      expect(good.socket.readyState).toBe(good.socket.OPEN)
      good.socket.terminate()
    },
  )

  test('a plain request for it is no page', async () => {
    const server = await serve()
    expect((await server.inject({ url: '/ws', headers: local })).statusCode).toBe(404)
  })

  test('closing the server lets the pages go', async () => {
    const server = await serve()
    const { socket, next } = await join(server)
    await next(2)
    const closed = new Promise((resolve) => socket.on('close', resolve))
    await server.close()
    await closed
  })
})

describe('probes', () => {
  test('/livez answers whatever else is broken', async () => {
    const feed = scriptedFeed(new Error('x'))
    feed.nextParts = new Error('x')
    const server = await serve(feed)
    expect((await server.inject({ url: '/livez', headers: local })).json()).toEqual({ live: true })
  })

  test.each(['log', 'store', 'score'])('/readyz is 503 while %s does not work', async (name) => {
    const feed = scriptedFeed()
    const server = await serve(feed)
    for (const state of ['waiting', 'halted', 'absent'] as const) {
      feed.nextParts = allWorking.map((part) => (part.name === name ? { name, state, detail: 'why' } : part))
      const answer = await server.inject({ url: '/readyz', headers: local })
      expect(answer.statusCode).toBe(503)
      expect(answer.json()).toMatchObject({ ready: false, parts: feed.nextParts })
    }
    feed.nextParts = allWorking.filter((part) => part.name !== name)
    expect((await server.inject({ url: '/readyz', headers: local })).statusCode).toBe(503)
  })

  test('/readyz is 200 while one of several replicas of score works', async () => {
    const feed = scriptedFeed()
    const replicas = (state: Part['state']): Part[] => [
      { name: 'score@a', state: 'waiting', detail: 'the store is away' },
      { name: 'score@b', state, detail: '' },
    ]
    const others = allWorking.filter(({ name }) => name !== 'score')
    const server = await serve(feed)
    feed.nextParts = [...others, ...replicas('ok')]
    expect((await server.inject({ url: '/readyz', headers: local })).statusCode).toBe(200)
    feed.nextParts = [...others, ...replicas('absent')]
    expect((await server.inject({ url: '/readyz', headers: local })).statusCode).toBe(503)
  })

  test('/readyz does not need ingest, which may have read everything', async () => {
    const feed = scriptedFeed()
    feed.nextParts = allWorking.map((part) => (part.name === 'ingest' ? { ...part, state: 'absent' } : part))
    const answer = await (await serve(feed)).inject({ url: '/readyz', headers: local })
    expect(answer.statusCode).toBe(200)
    expect(answer.json().parts).toContainEqual({ name: 'score', state: 'ok', detail: 'social-bag v1 on cpu' })
  })

  test('/readyz says so when the parts cannot be asked', async () => {
    const feed = scriptedFeed()
    feed.nextParts = new Error('no such folder')
    const answer = await (await serve(feed)).inject({ url: '/readyz', headers: local })
    expect(answer.statusCode).toBe(503)
    expect(answer.json()).toEqual({ ready: false, parts: [], reason: 'no such folder' })
  })
})

describe('/metrics', () => {
  const score: JobStatus = {
    job: 'score',
    pid: 1,
    startedAt: 5_000,
    updatedAt: 6_000,
    state: 'ok',
    provider: 'cpu',
    model: { name: 'a"b\\c\nd', version: 3, labels: [] },
    partitions: [{ topic: 'posts', partition: 2, position: 10, lag: 4, state: 'halted' }],
    counts: { scored: 12, dead: 1 },
    rates: { scored: 2.5 },
  }

  test('tells what jobs and parts tell, in the text format', async () => {
    const feed = scriptedFeed()
    feed.nextJobs = [
      { job: 'score', status: score, answering: true },
      { job: 'ingest', status: { ...score, job: 'ingest', model: undefined, counts: {} }, answering: false },
      { job: 'drift', status: undefined, answering: false, reason: 'damaged' },
    ]
    const answer = await (await serve(feed)).inject({ url: '/metrics', headers: local })
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    const lines = answer.body.split('\n')
    expect(lines).toContain('driftline_part_up{part="store"} 1')
    expect(lines).toContain('driftline_job_answering{job="score"} 1')
    expect(lines).toContain('driftline_job_answering{job="ingest"} 0')
    expect(lines).toContain('driftline_job_items_total{job="score",kind="scored"} 12')
    expect(lines).toContain('driftline_job_items_per_second{job="score",kind="scored"} 2.5')
    expect(lines).toContain('driftline_partition_lag{job="score",topic="posts",partition="2"} 4')
    expect(lines).toContain('driftline_partition_halted{job="score",topic="posts",partition="2"} 1')
    expect(lines).toContain('driftline_model_info{job="score",model="a\\"b\\\\c\\nd",version="3",provider="cpu"} 1')
    const types = lines.filter((line) => line.startsWith('# TYPE'))
    expect(new Set(types).size).toBe(types.length)
    expect(answer.body.endsWith('\n')).toBe(true)
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^(# (HELP|TYPE) |[a-z_]+\{.*\} [-+.\de]+$)/)
  })

  /** What it says of alerts when jobs said this, and some of them do not answer any more. */
  const alertLines = async (answering: readonly JobStatus[], silent: readonly JobStatus[] = []): Promise<string[]> => {
    const feed = scriptedFeed()
    feed.nextJobs = [
      ...answering.map((status) => ({ job: 'alerts', status, answering: true })),
      ...silent.map((status) => ({ job: 'alerts', status, answering: false })),
    ]
    const { body } = await (await serve(feed)).inject({ url: '/metrics', headers: local })
    return body.split('\n').filter((line) => line.includes('driftline_alerts'))
  }
  const alerting = (firing: number): JobStatus => ({
    ...score,
    job: 'alerts',
    alerts: [
      { rule: 'late', state: 'pending', alerts: 0 },
      { rule: 'late', state: 'firing', alerts: firing },
      { rule: 'spike "tag"', state: 'pending', alerts: 3 },
      { rule: 'spike "tag"', state: 'firing', alerts: 0 },
    ],
  })

  test('tells how many alerts of each rule are pending and fire, 0 once they are resolved', async () => {
    expect(await alertLines([alerting(2)])).toEqual([
      '# HELP driftline_alerts Alerts that are pending or fire, by rule.',
      '# TYPE driftline_alerts gauge',
      'driftline_alerts{job="alerts",rule="late",state="pending"} 0',
      'driftline_alerts{job="alerts",rule="late",state="firing"} 2',
      'driftline_alerts{job="alerts",rule="spike \\"tag\\"",state="pending"} 3',
      'driftline_alerts{job="alerts",rule="spike \\"tag\\"",state="firing"} 0',
    ])
    expect(await alertLines([alerting(0)])).toContain('driftline_alerts{job="alerts",rule="late",state="firing"} 0')
  })

  test('has no alerts without rules, and none of a job that stands by or does not answer: old ones would look true', async () => {
    const withoutRules = { ...alerting(0), alerts: [] }
    const standsBy = { ...score, job: 'alerts', replica: 'b' }
    const silent = { ...alerting(2), replica: 'c' }
    expect(await alertLines([withoutRules, standsBy], [silent])).toEqual([])
  })
})

describe('drift and models', () => {
  test('an empty drift page, and a check whose id is no id', async () => {
    const server = await serve()
    const empty = await server.inject({ url: '/api/drift', headers: local })
    expect(empty.json()).toMatchObject({ checks: [], report: null })
    expect(empty.headers['cache-control']).toBe('no-store')
    const long = await server.inject({ url: `/api/drift?check=${'x'.repeat(300)}`, headers: local })
    expect(long.statusCode).toBe(400)
  })

  test('alerts before there are any', async () => {
    const server = await serve()
    const empty = await server.inject({ url: '/api/alerts', headers: local })
    expect(empty.json()).toEqual({ atMs: 0, alerts: [] })
    expect(empty.headers['cache-control']).toBe('no-store')
  })

  test('the report of gates is a page of its own that can run nothing', async () => {
    const server = await serve()
    const report = await server.inject({ url: '/api/models/sentiment/2/gates', headers: local })
    expect(report.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(report.headers['content-security-policy']).toContain("default-src 'none'")
    expect(report.headers['content-security-policy']).toContain('sandbox')
    expect(report.headers['x-content-type-options']).toBe('nosniff')
  })

  test.each(['sentiment/1', 'sentiment/0', 'sentiment/two', '..%2f..%2fetc/2', 'SENTIMENT/2', 'sentiment/2.5'])(
    'there is no report %s',
    async (path) => {
      const server = await serve()
      expect((await server.inject({ url: `/api/models/${path}/gates`, headers: local })).statusCode).toBe(404)
    },
  )
})
