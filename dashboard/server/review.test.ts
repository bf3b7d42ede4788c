import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hostileValues } from '../../clickhouse/testing/hostile-values.ts'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { NextReply, ReviewSummary, UndoReply } from '../review-api.ts'
import { ReviewDesk } from './review-desk.ts'
import { createServer } from './server.ts'
import { MemoryReview, queued } from './testing/memory-review.ts'
import { scriptedFeed } from './testing/scripted-feed.ts'
import { ScriptedAlerts, ScriptedDrift, ScriptedModels } from './testing/scripted-pages.ts'

const headers = { host: '127.0.0.1:8787', origin: 'http://127.0.0.1:8787' }

let atMs = 0
const clock: Clock = { now: () => atMs, sleep: async () => {} }
let store: MemoryReview
let server: FastifyInstance
beforeEach(async () => {
  atMs = 1_767_312_000_000
  store = new MemoryReview()
  store.queue = Array.from({ length: 5 }, (_, n) => queued(n))
  server = await createServer({
    feed: scriptedFeed(),
    desk: new ReviewDesk(store, clock, async () => ['no', 'yes']),
    drift: new ScriptedDrift(),
    models: new ScriptedModels(),
    alerts: new ScriptedAlerts(),
    clock,
    log: silentLog,
    token: undefined,
    version: '1.0.0',
  })
  await server.ready()
})
afterEach(() => server.close())

async function post(path: string, payload: object | string, over: Record<string, string> = {}) {
  atMs += 100 // fingers are slow
  return server.inject({ method: 'POST', url: `/api/review/${path}`, headers: { ...headers, ...over }, payload })
}
const next = async (reviewer: string, over: object = {}) =>
  NextReply.parse((await post('next', { reviewer, ...over })).json())
const ids = async (reviewer: string, over: object = {}) => (await next(reviewer, over)).posts.map(({ id }) => id)
const answer = (reviewer: string, postId: string, label: string, over: object = {}) =>
  post('answer', { reviewer, postId, label, ...over })
const summary = async () => ReviewSummary.parse((await server.inject({ url: '/api/review', headers })).json())

describe('posts to judge', () => {
  test('come without what the model says, each to one reviewer at a time', async () => {
    const { posts } = await next('ada', { count: 2 })
    expect(posts.map(({ id }) => id)).toEqual(['post-0', 'post-1'])
    expect(Object.keys(posts[0] ?? {}).sort()).toEqual(
      ['answers', 'classes', 'eventAtMs', 'id', 'lang', 'source', 'strategy', 'text'].sort(),
    )
    expect(await ids('ben', { count: 2 })).toEqual(['post-2', 'post-3'])
    expect(await ids('cem', { count: 2 })).toEqual(['post-4'])
    expect((await summary()).reviewing).toBe(3)
  })

  test('two who ask in the same moment get different ones', async () => {
    const all = await Promise.all(['ada', 'ben', 'cem', 'dan', 'eve'].map((name) => ids(name)))
    expect(new Set(all.flat()).size).toBe(5)
  })

  test('a page that is loaded anew gets its post again; one that has it gets the next', async () => {
    expect(await ids('ada')).toEqual(['post-0'])
    expect(await ids('ada')).toEqual(['post-0'])
    expect(await ids('ada', { have: ['post-0'] })).toEqual(['post-1'])
  })

  test('come back when the lease ran out, or was given back', async () => {
    await ids('ada', { count: 5 })
    expect(await ids('ben')).toEqual([])
    await post('release', { reviewer: 'ada' })
    expect(await ids('ben')).toEqual(['post-0'])
    atMs += 301_000
    expect(await ids('cem')).toEqual(['post-0'])
  })
})

describe('an answer', () => {
  test('is stored with who, when, why and the probability of being asked; the post is done', async () => {
    expect((await answer(' ada ', 'post-0', 'neutral', { note: 'hm' })).statusCode).toBe(200)
    expect([...store.labels.values()]).toEqual([
      {
        post_id: 'post-0',
        labelled_by: 'ada',
        labelled_at: atMs,
        label: 'neutral',
        note: 'hm',
        origin: 'review',
        text: queued(0).text,
        event_at: queued(0).event_at_ms,
        selection_probability: 0.04,
      },
    ])
    expect(await ids('ben')).toEqual(['post-1'])
    expect(await summary()).toMatchObject({
      asked: 5,
      answered: 1,
      people: [{ name: 'ada', answers: 1, skipped: 0, simulated: false }],
    })
  })

  test('is refused for a class that the post cannot have, and for a post that nobody is asked about', async () => {
    expect((await answer('ada', 'post-0', 'happy')).statusCode).toBe(422)
    expect((await answer('ada', 'elsewhere', 'neutral')).statusCode).toBe(404)
    expect((await post('skip', { reviewer: 'ada', postId: 'elsewhere' })).statusCode).toBe(404)
    expect(store.labels.size).toBe(0)
  })

  test('is newer than the one before it, whatever the clock does', async () => {
    await answer('ada', 'post-0', 'neutral')
    const first = [...store.labels.values()][0]?.labelled_at ?? 0
    atMs -= 3_600_000
    await answer('ada', 'post-0', 'positive')
    expect([...store.labels.values()]).toMatchObject([{ label: 'positive', labelled_at: first + 1 }])
  })

  test('can be taken back: the post comes again, and what was said before stands', async () => {
    await answer('ada', 'post-0', 'neutral')
    const undone = UndoReply.parse((await post('undo', { reviewer: 'ada', postId: 'post-0' })).json())
    expect(undone.post.id).toBe('post-0')
    expect(await summary()).toMatchObject({ answered: 0 })
    expect(await ids('ben')).toEqual(['post-1'])
    expect(await ids('ada')).toEqual(['post-0'])
    expect((await post('undo', { reviewer: 'ada', postId: 'post-0' })).statusCode).toBe(404)

    await answer('ada', 'post-0', 'neutral')
    await answer('ada', 'post-0', 'positive', { adjudicate: true })
    await post('undo', { reviewer: 'ada', postId: 'post-0' })
    expect([...store.labels.values()]).toMatchObject([{ label: 'neutral', origin: 'review' }])
  })

  test('one person cannot take back what another said', async () => {
    await answer('ada', 'post-0', 'neutral')
    expect((await post('undo', { reviewer: 'ben', postId: 'post-0' })).statusCode).toBe(404)
    expect(await summary()).toMatchObject({ answered: 1 })
  })
})

test('a post that is passed over goes to others, and comes back when that is undone', async () => {
  await post('skip', { reviewer: 'ada', postId: 'post-0' })
  expect(await ids('ada')).toEqual(['post-1'])
  expect(await ids('ben')).toEqual(['post-0'])
  await post('release', { reviewer: 'ben' })
  await post('undo', { reviewer: 'ada', postId: 'post-0' })
  expect(await ids('ada')).toEqual(['post-0'])
})

test('passing over what one has answered leaves the answer', async () => {
  await answer('ada', 'post-0', 'neutral')
  await post('skip', { reviewer: 'ada', postId: 'post-0' })
  expect([...store.labels.values()]).toMatchObject([{ label: 'neutral' }])
})

test('where answers tie a third is asked, or an adjudicator, who sees both and wins', async () => {
  await answer('ada', 'post-0', 'neutral')
  await answer('ben', 'post-0', 'negative')
  expect(await summary()).toMatchObject({ disputed: 1, agreement: { posts: 1, raw: 0, alpha: 0 } })
  expect(await ids('cem')).toEqual(['post-0'])
  await post('release', { reviewer: 'cem' })
  const { posts } = await next('eve', { adjudicate: true })
  expect(posts).toMatchObject([
    {
      id: 'post-0',
      answers: [
        { by: 'ada', label: 'neutral' },
        { by: 'ben', label: 'negative' },
      ],
    },
  ])
  await answer('eve', 'post-0', 'negative', { adjudicate: true })
  expect(await summary()).toMatchObject({ disputed: 0 })
  expect([...store.labels.values()].at(-1)).toMatchObject({ origin: 'adjudication', selection_probability: 0.04 })
})

describe('what is no answer', () => {
  test.each([
    ['no JSON', '{"reviewer"'],
    ['a list', []],
    ['nobody', { reviewer: '  ' }],
    ['a name with a line break', { reviewer: 'a\nb' }],
    ['half a character as a name', { reviewer: 'a\ud800' }],
    ['a long name', { reviewer: 'x'.repeat(65) }],
    ['a name that is none', { reviewer: { $ne: '' } }],
    ['too many posts', { reviewer: 'ada', count: 1000 }],
    ['a negative count', { reviewer: 'ada', count: -1 }],
    ['fields that do not exist', { reviewer: 'ada', __proto__x: 1 }],
    ['too many posts in hand', { reviewer: 'ada', have: Array.from({ length: 51 }, () => 'x') }],
  ])('is refused: %s', async (_, payload) => {
    const over: Record<string, string> = typeof payload === 'string' ? { 'content-type': 'application/json' } : {}
    const { statusCode } = await post('next', payload, over)
    expect(statusCode).toBe(400)
  })

  test('a form of any kind, which another page could send without asking', async () => {
    for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      expect((await post('answer', 'reviewer=a', { 'content-type': type })).statusCode).toBe(415)
    }
    const sneaky = JSON.stringify({ reviewer: 'ada', postId: 'post-0', label: 'neutral' })
    expect((await post('answer', sneaky, { 'content-type': 'text/plain' })).statusCode).toBe(400)
    expect(store.labels.size).toBe(0)
  })

  test('another page, by its Origin', async () => {
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:9999']) {
      const answered = await post('answer', { reviewer: 'a', postId: 'post-0', label: 'neutral' }, { origin })
      expect(answered.statusCode).toBe(403)
    }
    expect(store.labels.size).toBe(0)
  })

  test('a body that is too large', async () => {
    expect((await post('answer', { reviewer: 'x'.repeat(100_000) })).statusCode).toBe(413)
  })

  test('more than fingers can do', async () => {
    const codes = new Map<number, number>()
    for (let n = 0; n < 200; n++) {
      const { statusCode } = await server.inject({
        method: 'POST',
        url: '/api/review/release',
        headers,
        payload: { reviewer: 'ada' },
      })
      codes.set(statusCode, (codes.get(statusCode) ?? 0) + 1)
    }
    expect(codes.get(200)).toBe(60)
    expect(codes.get(429)).toBe(140)
    atMs += 1_000
    expect((await post('release', { reviewer: 'ada' })).statusCode).toBe(200)
  })
})

test('whatever the texts, ids and classes of posts are, they come and go as they are', async () => {
  store.queue = hostileValues
    .filter((value) => value !== '' && value.length <= 64)
    .slice(0, 60)
    .map((value, n) => queued(n, { post_id: `${n} ${value}`, text: value, source: value, classes: [value, 'other'] }))
  for (let n = 0; n < store.queue.length; n++) {
    const [shown] = (await next('ada')).posts
    if (shown === undefined) throw new Error('a post was expected')
    expect(shown).toMatchObject({ id: store.queue[n]?.post_id, text: store.queue[n]?.text })
    expect((await answer('ada', shown.id, shown.classes[0] ?? '')).statusCode).toBe(200)
  }
  expect(await summary()).toMatchObject({ answered: store.queue.length })
})

test('a store that is away is 503 with its reason, and nothing is remembered of that', async () => {
  store.trouble = new DriftlineError('STORE_UNAVAILABLE', { reason: 'connect ECONNREFUSED' })
  for (const reply of [
    await answer('ada', 'post-0', 'neutral'),
    await server.inject({ url: '/api/review', headers }),
  ]) {
    expect(reply.statusCode).toBe(503)
    expect(reply.json().error).toContain('ECONNREFUSED')
  }
  store.trouble = undefined
  expect((await answer('ada', 'post-0', 'neutral')).statusCode).toBe(200)
  expect(await summary()).toMatchObject({ answered: 1 })
})
