import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { AlertRow, DeliveryRow } from '../../clickhouse/rows/alerts.ts'
import { AlertWebhook } from '../../core/alert-settings.ts'
import { silentLog } from '../../core/log.ts'
import { packageRoot } from '../../core/package-root.ts'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import { backOffMs, post, retryAfterMs } from './deliver.ts'
import { noticeOf, signedHeaders, slackText, testNotice } from './notice.ts'
import { Outbox, type Outgoing } from './outbox.ts'
import { type Answer, type Received, receiver } from './testing/receiver.ts'

const start = Date.UTC(2026, 2, 2, 9)
const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
const older = `whsec_${Buffer.alloc(32, 9).toString('base64')}`
const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
})

const row = (over: Partial<AlertRow> = {}): AlertRow => ({
  alert_id: 'a1',
  step: 1,
  at: start,
  event: 'firing',
  rule: 'r',
  kind: 'lag',
  severity: 'warning',
  group_by: 'hashtag',
  group_name: 'tag',
  started_at: start - 5000,
  fired_at: start,
  value: 12,
  threshold: 10,
  summary: 'late',
  details: '{"posts":3}',
  notice_id: 'a1-1',
  webhooks: ['team'],
  ...over,
})
const outgoing = (over: Partial<AlertRow> = {}): Outgoing => {
  const notice = noticeOf(row(over))
  return { webhook: 'team', notice, attempts: 0, dueMs: start }
}

/** An outbox whose records can be refused, and whose receiver answers by script. */
async function setUp(answers: readonly Answer[], over: object = {}) {
  const server = await receiver(...answers)
  open.push(server)
  const clock = manualClock(start)
  const stop = new AbortController()
  const rows: DeliveryRow[] = []
  const state = { refuse: false }
  const outbox = new Outbox({
    webhooks: [AlertWebhook.parse({ name: 'team', url: server.url, ...over })],
    async record(made) {
      if (state.refuse) throw new Error('the store is away')
      rows.push(...made)
    },
    onRecorded: () => undefined,
    clock,
    random: () => 0.5, // the middle of the jitter: exactly the back-off
    log: silentLog,
    signal: stop.signal,
  })
  /** Pumps at a moment, and waits until what it started has come to its end. */
  const pumpAt = async (ms: number) => {
    await clock.advance(Math.max(0, ms - (clock.now() - start)))
    await outbox.pump().catch(() => undefined)
    await outbox.settled()
  }
  return { server, outbox, rows, state, stop, pumpAt }
}
const outcomes = (rows: readonly DeliveryRow[]) =>
  rows.map(({ attempt, outcome, status, next_at }) =>
    `${attempt} ${outcome} ${status} ${next_at === 0 ? '' : next_at - start}`.trim(),
  )
const ids = (received: readonly Received[]) => received.map(({ headers }) => headers['webhook-id'])

test('a receiver that fails twice gets the same notice under the same id, later each time', async () => {
  const { server, outbox, rows, pumpAt } = await setUp([503, 503])
  outbox.add([outgoing()])
  for (const ms of [0, 1000, 1999, 2000, 5999, 6000, 60_000]) await pumpAt(ms)
  expect(outcomes(rows)).toEqual(['1 retry 503 2000', '2 retry 503 6000', '3 delivered 200'])
  expect(ids(server.received)).toEqual(['a1-1', 'a1-1', 'a1-1'])
  expect(new Set(server.received.map(({ body }) => body)).size).toBe(1)
  expect(outbox.waiting).toBe(0)
})

test('a receiver that asks for time is given it', async () => {
  const { rows, outbox, pumpAt } = await setUp([{ status: 429, headers: { 'retry-after': '120' } }])
  outbox.add([outgoing()])
  for (const ms of [0, 60_000, 119_999, 120_000]) await pumpAt(ms)
  expect(outcomes(rows)).toEqual(['1 retry 429 120000', '2 delivered 200'])
})

test('Retry-After is seconds or a date, and at most an hour', () => {
  expect(retryAfterMs('7', start)).toBe(7000)
  expect(retryAfterMs(new Date(start + 30_000).toUTCString(), start)).toBe(30_000)
  expect(retryAfterMs(new Date(start - 30_000).toUTCString(), start)).toBe(0)
  expect(retryAfterMs('999999', start)).toBe(3_600_000)
  expect(retryAfterMs('soon', start)).toBeUndefined()
  expect(retryAfterMs(null, start)).toBeUndefined()
})

test.each([400, 401, 404, 410, 422])('HTTP %i is final', async (status) => {
  const { rows, outbox, pumpAt } = await setUp([status])
  outbox.add([outgoing()])
  for (const ms of [0, 3_600_000]) await pumpAt(ms)
  expect(outcomes(rows)).toEqual([`1 dead ${status}`])
  expect(outbox.waiting).toBe(0)
})

test('a redirect is not followed: whoever owns the other address would get the notice and its signature', async () => {
  const other = await receiver()
  open.push(other)
  const { rows, outbox, pumpAt } = await setUp([{ status: 307, headers: { location: other.url } }])
  outbox.add([outgoing()])
  await pumpAt(0)
  expect(rows).toMatchObject([{ outcome: 'dead', status: 307, reason: 'HTTP 307, and redirects are not followed' }])
  expect(other.received).toEqual([])
})

test('a receiver that does not answer in time is tried again, and so is one that is not there', async () => {
  const { rows, outbox, pumpAt } = await setUp(['hang'], { timeoutSeconds: 0.1 })
  outbox.add([outgoing()])
  // On a busy machine an answer may take longer than that, too.
  for (let ms = 0; outbox.waiting > 0; ms += 600_000) await pumpAt(ms)
  expect(rows[0]).toMatchObject({
    outcome: 'retry',
    status: 0,
    reason: 'no answer within 0.1 s',
    next_at: start + 2000,
  })
  expect(rows.at(-1)).toMatchObject({ outcome: 'delivered' })

  const gone = await receiver()
  await gone[Symbol.asyncDispose]()
  const webhook = AlertWebhook.parse({ name: 'team', url: gone.url })
  const signal = new AbortController().signal
  expect(await post(webhook, 'x', testNotice(undefined, start), start, signal)).toMatchObject({
    outcome: 'retry',
    reason: 'ECONNREFUSED',
  })
})

test('a notice that nobody accepts is given up after the time of the webhook, and counted', async () => {
  const { rows, outbox, pumpAt } = await setUp([500, 500, 500, 500], { giveUpHours: 10 / 3600 })
  outbox.add([outgoing()])
  for (const ms of [0, 2000, 6000, 14_000]) await pumpAt(ms)
  expect(outcomes(rows)).toEqual(['1 retry 500 2000', '2 retry 500 6000', '3 dead 500'])
  expect(rows.at(-1)?.reason).toBe('HTTP 500; given up after 3 attempts')
})

test('notices of one alert keep their order; another alert does not wait for them', async () => {
  const { server, outbox, pumpAt } = await setUp([503])
  outbox.add([outgoing(), outgoing({ step: 2, event: 'resolved', notice_id: 'a1-2' })])
  await pumpAt(0)
  outbox.add([outgoing({ alert_id: 'b1', notice_id: 'b1-1' })])
  for (const ms of [1000, 2000, 3000]) await pumpAt(ms)
  expect(ids(server.received)).toEqual(['a1-1', 'b1-1', 'a1-1', 'a1-2'])
})

test('what was delivered and could not be recorded is recorded later, and not sent again', async () => {
  const { server, outbox, rows, state, pumpAt } = await setUp([])
  outbox.add([outgoing()])
  state.refuse = true
  for (const ms of [0, 10_000, 20_000]) await pumpAt(ms)
  expect([server.received.length, rows.length, outbox.waiting]).toEqual([1, 0, 1])
  state.refuse = false
  await pumpAt(21_000)
  expect([server.received.length, rows.length, outbox.waiting]).toEqual([1, 1, 0])
})

test('a notice is taken once; when it is done it is forgotten, though others still wait', async () => {
  const { server, outbox, rows, pumpAt } = await setUp([200, { status: 503, headers: { 'retry-after': '3600' } }])
  const [done, waits] = [outgoing(), outgoing({ alert_id: 'a2', notice_id: 'a2-1' })]
  outbox.add([done, done])
  await pumpAt(0)
  outbox.add([waits])
  await pumpAt(1)
  outbox.add([done, waits]) // read from the store before it had heard
  expect(outbox.waiting).toBe(1)
  outbox.forgetDone()
  outbox.add([done, waits])
  await pumpAt(1000)
  expect(outcomes(rows)).toEqual(['1 delivered 200', '1 retry 503 3600001', '1 delivered 200'])
  expect(ids(server.received)).toEqual(['a1-1', 'a2-1', 'a1-1'])
  expect(outbox.waiting).toBe(1)
})

test('a notice for a webhook that is not configured any more is dead, and told as such', async () => {
  const { outbox, rows, pumpAt } = await setUp([])
  outbox.add([{ ...outgoing(), webhook: 'former' }])
  await pumpAt(0)
  expect(rows).toMatchObject([{ webhook: 'former', outcome: 'dead', reason: 'the webhook is not configured any more' }])
})

test('a webhook has at most four requests open', async () => {
  const { server, outbox, stop } = await setUp(Array.from({ length: 9 }, () => 'hang' as const))
  outbox.add(Array.from({ length: 9 }, (_, n) => outgoing({ alert_id: `a${n}`, notice_id: `a${n}-1` })))
  await outbox.pump()
  await outbox.pump()
  await expect.poll(() => server.received.length).toBe(4)
  stop.abort()
  await outbox.settled()
  expect(server.received.length).toBe(4)
})

test('what a stop cuts off is not counted as an attempt', async () => {
  const { outbox, rows, stop } = await setUp(['hang'])
  outbox.add([outgoing()])
  await outbox.pump()
  stop.abort()
  await outbox.settled()
  expect(rows).toEqual([])
})

test('the wait doubles up to ten minutes, within a quarter either way', () => {
  expect([1, 2, 3, 9, 10, 11, 400].map((attempts) => backOffMs(attempts, () => 0.5))).toEqual([
    2000, 4000, 8000, 512_000, 600_000, 600_000, 600_000,
  ])
  expect([backOffMs(1, () => 0), backOffMs(1, () => 1)]).toEqual([1500, 2500])
})

test('a notice is signed as Standard Webhooks asks, with each secret', async () => {
  const { server, outbox, pumpAt } = await setUp([], { secrets: [secret, older] })
  outbox.add([outgoing()])
  await pumpAt(0)
  const [{ headers, body } = { headers: {}, body: '' }] = server.received
  expect(headers).toMatchObject({ 'content-type': 'application/json', 'webhook-timestamp': String(start / 1000) })
  const signed = (key: Buffer) =>
    `v1,${createHmac('sha256', key)
      .update(`a1-1.${start / 1000}.`)
      .update(body)
      .digest('base64')}`
  expect(headers['webhook-signature']).toBe(`${signed(Buffer.alloc(24, 7))} ${signed(Buffer.alloc(32, 9))}`)
})

test('without secrets there is no signature', () => {
  expect(Object.keys(signedHeaders('a', start, '', []))).toEqual(['webhook-id', 'webhook-timestamp'])
})

interface Vector {
  readonly id: string
  readonly seconds: number
  readonly body: string
  readonly secret: string
  readonly signature: string
}

test('signatures are those of the reference library in Python', () => {
  const file = join(packageRoot, 'test/fixtures/webhook-signatures/vectors.json')
  const vectors: readonly Vector[] = JSON.parse(readFileSync(file, 'utf8'))
  expect(vectors.length).toBe(6)
  for (const { id, seconds, body, secret: key, signature } of vectors) {
    expect(signedHeaders(id, seconds * 1000 + 999, body, [key])['webhook-signature']).toBe(signature)
  }
})

test('the snippet in docs/alerts.md accepts what we sign, by either secret, and nothing else', async () => {
  const page = readFileSync(join(packageRoot, 'docs/alerts.md'), 'utf8')
  const [, code = ''] = /```js\n([\s\S]+?)```/.exec(page) ?? []
  const { isGenuine } = await import(`data:text/javascript,${encodeURIComponent(code)}`)
  const body = '{"ü":1}'
  const headers = signedHeaders('id', start, body, [older, secret])
  expect([secret, older].map((key) => isGenuine(headers, body, key, start / 1000))).toEqual([true, true])
  expect(isGenuine(headers, `${body} `, secret, start / 1000)).toBe(false)
  expect(isGenuine({ ...headers, 'webhook-id': 'other' }, body, secret, start / 1000)).toBe(false)
  expect(isGenuine(headers, body, `whsec_${Buffer.alloc(24).toString('base64')}`, start / 1000)).toBe(false)
  expect(isGenuine(headers, body, secret, start / 1000 + 301)).toBe(false)
  expect(isGenuine({}, body, secret, start / 1000)).toBe(false)
})

test('the body says what fired, since when, by how much, and for which group', async () => {
  const { server, outbox, pumpAt } = await setUp([])
  outbox.add([outgoing()])
  await pumpAt(0)
  expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({
    type: 'alert.firing',
    timestamp: '2026-03-02T09:00:00.000Z',
    data: {
      schema: 1,
      alertId: 'a1',
      fingerprint: expect.stringMatching(/^[0-9a-f]{32}$/),
      rule: 'r',
      kind: 'lag',
      severity: 'warning',
      state: 'firing',
      group: { by: 'hashtag', name: 'tag' },
      startedAt: '2026-03-02T08:59:55.000Z',
      firedAt: '2026-03-02T09:00:00.000Z',
      resolvedAt: null,
      value: 12,
      threshold: 10,
      summary: 'late',
      details: { posts: 3 },
    },
  })
})

test('for Slack it is one line, in which no text of a post can mention anybody', async () => {
  const { server, outbox, pumpAt } = await setUp([], { format: 'slack' })
  outbox.add([outgoing({ summary: '9 posts of #<!channel> & co', event: 'resolved' })])
  await pumpAt(0)
  expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({
    text: '[resolved] warning: r – 9 posts of #&lt;!channel&gt; &amp; co',
  })
  expect(slackText(noticeOf(row({ event: 'reminder' })).notice)).toMatch(/^\[still firing\] /)
  expect(slackText(testNotice(undefined, start))).toMatch(/^\[test\] /)
})
