import { beforeEach, expect, test } from 'vitest'
import type { ReviewPost, ReviewSummary } from '../review-api.ts'
import { type ReviewServer, ReviewSession } from './review-session.ts'

const post = (id: string): ReviewPost => ({
  id,
  text: `text of ${id}`,
  source: 'demo',
  lang: 'en',
  eventAtMs: 0,
  classes: ['negative', 'positive'],
  strategy: 'audit',
  answers: [],
})
const summary: ReviewSummary = {
  asked: 9,
  answered: 0,
  disputed: 0,
  labelled: 0,
  queuedAtMs: 1,
  reviewing: 1,
  people: [],
  agreement: { posts: 0, raw: null, alpha: null },
}

let queue: ReviewPost[]
let done: string[]
let fails: boolean
let server: ReviewServer
let session: ReviewSession
const begin = (adjudicate = false) =>
  new ReviewSession({ server, adjudicate, tell: (error) => String(error), onChange: () => {} })

beforeEach(() => {
  queue = Array.from({ length: 9 }, (_, n) => post(`p${n}`))
  done = []
  fails = false
  const attempt = (what: string) => {
    if (fails) throw 'away'
    done.push(what)
  }
  server = {
    async next({ count, have }) {
      if (fails) throw 'away'
      const answered = new Set(done.map((what) => what.split(' ')[1]))
      const open = queue.filter(({ id }) => !have.includes(id) && !answered.has(id))
      return { posts: open.slice(0, count), summary }
    },
    answer: async ({ postId, label }) => attempt(`answer ${postId} ${label}`),
    skip: async (postId) => attempt(`skip ${postId}`),
    async undo(postId) {
      attempt(`undo ${postId}`)
      done = done.filter((what) => what.split(' ')[1] !== postId)
      return post(postId)
    },
  }
  session = begin()
})
const shown = () => session.state.posts.map(({ id }) => id)

test('posts come ahead, the next is there at once, and none comes twice', async () => {
  await session.refresh()
  expect(shown()).toEqual(['p0', 'p1', 'p2', 'p3', 'p4'])
  const order: string[] = []
  while (session.state.posts.length > 0) {
    order.push(session.state.posts[0]?.id ?? '')
    session.decide('positive')
    await session.settled()
  }
  expect(order).toEqual(queue.map(({ id }) => id))
  expect(done).toEqual(order.map((id) => `answer ${id} positive`))
})

test('decisions are sent in order, however fast they come', async () => {
  await session.refresh()
  session.decide('positive')
  session.decide(undefined)
  session.decide('negative')
  expect(shown().slice(0, 2)).toEqual(['p3', 'p4'])
  await session.settled()
  expect(done).toEqual(['answer p0 positive', 'skip p1', 'answer p2 negative'])
})

test('a class that the post does not have is no decision, nor is one without a post', async () => {
  session.decide('positive')
  await session.refresh()
  session.decide('happy')
  await session.settled()
  expect(done).toEqual([])
  expect(shown()[0]).toBe('p0')
})

test('the last decision is taken back first, and its post is shown again', async () => {
  await session.refresh()
  session.decide('positive')
  session.decide(undefined)
  expect(session.state.last).toMatchObject({ post: { id: 'p1' }, label: undefined })
  session.undo()
  session.undo()
  session.undo()
  await session.settled()
  expect(shown().slice(0, 3)).toEqual(['p0', 'p1', 'p2'])
  expect(new Set(shown()).size).toBe(shown().length)
  expect(session.state.last).toBeUndefined()
})

test('what could not be written comes back and says so; it can be decided again', async () => {
  await session.refresh()
  fails = true
  session.decide('positive')
  await session.settled()
  expect(shown()[0]).toBe('p0')
  expect(session.state).toMatchObject({ trouble: 'This answer was not kept: away', last: undefined })
  fails = false
  session.decide('positive')
  await session.settled()
  expect(session.state.trouble).toBeUndefined()
  expect(done).toEqual(['answer p0 positive'])
})

test('an undo that fails can be tried again', async () => {
  await session.refresh()
  session.decide('positive')
  await session.settled()
  fails = true
  session.undo()
  await session.settled()
  expect(session.state).toMatchObject({ trouble: 'away', last: { post: { id: 'p0' } } })
  fails = false
  session.undo()
  await session.settled()
  expect(shown()[0]).toBe('p0')
})

test('a server that cannot be reached is told, and the posts at hand stay', async () => {
  await session.refresh()
  fails = true
  await session.refresh()
  expect(session.state).toMatchObject({ trouble: 'away', loaded: true })
  expect(shown()).toHaveLength(5)
})

test('an adjudicator who passes a post over takes no answer of theirs away, and is not shown it again', async () => {
  session = begin(true)
  await session.refresh()
  session.decide(undefined)
  await session.refresh()
  await session.settled()
  expect(done).toEqual([])
  expect(shown()).not.toContain('p0')
  session.undo()
  await session.settled()
  expect(shown()[0]).toBe('p0')
})
