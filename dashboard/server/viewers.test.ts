import { expect, test } from 'vitest'
import { silentLog } from '../../core/log.ts'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import { ServerMessage, type Snapshot } from '../protocol.ts'
import type { LiveFeed } from './feed.ts'
import { sampleSnapshot, scriptedFeed } from './testing/scripted-feed.ts'
import { type Outlet, Viewers } from './viewers.ts'

/** A page's end of a socket: what it was sent, and how much of it the network has not taken. */
function outlet() {
  const heard: ServerMessage[] = []
  const page: Outlet & { bufferedAmount: number; heard: ServerMessage[] } = {
    bufferedAmount: 0,
    heard,
    send: (data) => void heard.push(ServerMessage.parse(JSON.parse(data))),
  }
  return page
}

/** A feed whose snapshots are told apart by their number of scored posts: 1, 2, 3 … */
function counting(): LiveFeed & { asked: number } {
  return {
    ...scriptedFeed(),
    asked: 0,
    async snapshot(): Promise<Snapshot> {
      return sampleSnapshot(undefined, { totals: { scored: ++this.asked, dead: 0 } })
    },
  }
}
const scored = (message: ServerMessage | undefined): number | undefined =>
  message?.type === 'snapshot' ? message.snapshot.live?.totals.scored : undefined

function start(feed: LiveFeed) {
  const clock = manualClock()
  const viewers = new Viewers(feed, clock, silentLog)
  return { clock, viewers }
}

test('nothing is asked while nobody looks', async () => {
  const feed = counting()
  const { clock, viewers } = start(feed)
  await clock.advance(10_000)
  expect(feed.asked).toBe(0)
  const viewer = viewers.join(outlet())
  await clock.advance(1_000)
  expect(feed.asked).toBe(5) // at 0, 250, 500, 750 and 1,000 ms
  viewer.leave()
  await clock.advance(10_000)
  expect(feed.asked).toBe(5)
  await viewers.close()
})

test('a hidden page is sent nothing and keeps nothing going; when it looks again it gets a new snapshot', async () => {
  const feed = counting()
  const { clock, viewers } = start(feed)
  const page = outlet()
  const viewer = viewers.join(page)
  await clock.advance(0)
  viewer.seen(1)
  viewer.look(false)
  await clock.advance(60_000)
  expect(feed.asked).toBe(1)
  expect(page.heard.map(scored)).toEqual([1])
  viewer.look(true)
  await clock.advance(0)
  expect(page.heard.map(scored)).toEqual([1, 2])
  await viewers.close()
})

test('a slow page gets the newest snapshot when it is ready, and never a backlog', async () => {
  const { clock, viewers } = start(counting())
  const [fast, slow] = [outlet(), outlet()]
  const [fastViewer, slowViewer] = [viewers.join(fast), viewers.join(slow)]
  for (let n = 0; n < 20; n++) {
    await clock.advance(n === 0 ? 0 : 250)
    fastViewer.seen(n + 1)
  }
  expect(fast.heard.map(scored)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1))
  expect(slow.heard.map(scored)).toEqual([1])
  slowViewer.seen(1)
  expect(slow.heard.map(scored)).toEqual([1, 20])
  await clock.advance(2_500)
  expect(slow.heard.map(scored)).toEqual([1, 20])
  await viewers.close()
})

test('a page whose network has not taken the last message is passed over, not piled upon', async () => {
  const { clock, viewers } = start(counting())
  const page = outlet()
  const viewer = viewers.join(page)
  await clock.advance(0)
  page.bufferedAmount = 1
  viewer.seen(1)
  await clock.advance(1_000)
  expect(page.heard.map(scored)).toEqual([1])
  page.bufferedAmount = 0
  await clock.advance(250)
  expect(page.heard.map(scored)).toEqual([1, 6])
  await viewers.close()
})

test('a page that claims to have seen what it was never sent gains nothing', async () => {
  const { clock, viewers } = start(counting())
  const page = outlet()
  const viewer = viewers.join(page)
  viewer.seen(1_000_000)
  await clock.advance(1_000)
  expect(page.heard.map(scored)).toEqual([1])
  await viewers.close()
})

test('when a snapshot cannot be taken the pages are told, and the next one is tried', async () => {
  const feed = scriptedFeed(new Error('the disk is full'))
  const { clock, viewers } = start(feed)
  const page = outlet()
  viewers.join(page)
  await clock.advance(0)
  expect(page.heard).toEqual([{ type: 'trouble', reason: 'the disk is full' }])
  feed.next = sampleSnapshot()
  await clock.advance(250)
  expect(page.heard.at(-1)).toMatchObject({ type: 'snapshot', snapshot: sampleSnapshot() })
  await viewers.close()
})

test('a slow feed is asked more seldom: three times its own time is left to others, two seconds at most', async () => {
  const clock = manualClock()
  const askedAt: number[] = []
  let tookMs = 200
  const feed: LiveFeed = {
    ...scriptedFeed(),
    async snapshot() {
      askedAt.push(clock.now())
      await clock.sleep(tookMs)
      return sampleSnapshot()
    },
  }
  const viewers = new Viewers(feed, clock, silentLog)
  viewers.join(outlet())
  await clock.advance(1_700)
  expect(askedAt).toEqual([0, 800, 1_600])
  tookMs = 5_000
  await clock.advance(15_000)
  expect(askedAt).toEqual([0, 800, 1_600, 2_400, 9_400, 16_400])
  await Promise.all([viewers.close(), clock.advance(10_000)])
})

test('callers who ask at the same time share one snapshot', async () => {
  const feed = counting()
  const { viewers } = start(feed)
  const both = await Promise.all([viewers.current(), viewers.current()])
  expect(both[0]).toBe(both[1])
  await viewers.current()
  expect(feed.asked).toBe(2)
})

test('closing ends the polling while a page still looks', async () => {
  const feed = counting()
  const { clock, viewers } = start(feed)
  viewers.join(outlet())
  await clock.advance(0)
  await viewers.close()
  viewers.join(outlet())
  await clock.advance(10_000)
  expect(feed.asked).toBe(1)
})
