import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { allWorking, samplePost, sampleSnapshot } from '../../dashboard/server/testing/scripted-feed.ts'
import { launchChromium } from './chromium.ts'
import { LivePage, openTab, type Tab } from './live-page.ts'
import { faintTexts } from './readable.ts'

const wide = { viewport: { width: 1440, height: 900 } }
const phone = { viewport: { width: 360, height: 740 } }

let browser: Browser
let live: LivePage
const tabs: Tab[] = []
beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser.close())
afterEach(async () => {
  for (const { page } of tabs.splice(0)) await page.context().close()
  await live.stop()
})

async function visit(options: BrowserContextOptions = wide): Promise<Tab> {
  live = new LivePage()
  await live.start()
  return look(options)
}

async function look(options: BrowserContextOptions = wide): Promise<Tab> {
  const tab = await openTab(browser, options)
  tabs.push(tab)
  await tab.page.goto(live.url)
  await tab.page.locator('main .panel').first().waitFor()
  return tab
}

/** The number in the tile of that name. */
const stat = (page: Page, name: string) => page.locator('.stat', { hasText: name }).locator('.number')
const text = (page: Page, script: string): Promise<string> => page.evaluate(`String(${script})`)

describe('numbers', () => {
  test('they are shown, follow the feed, and ask nobody else for anything', async () => {
    const { page, complaints, strangers } = await visit()
    await expect.poll(() => stat(page, 'Scored').textContent()).toBe('1,248,302')
    await expect.poll(() => stat(page, 'Waiting').textContent()).toBe('78')
    expect(await page.locator('.model').textContent()).toBe('social-bag v1 on cpu')
    live.feed.next = sampleSnapshot(Date.now(), { totals: { scored: 1_300_000, dead: 18 } })
    await expect.poll(() => stat(page, 'Scored').textContent()).toBe('1,300,000')
    await expect.poll(() => stat(page, 'Dead posts').textContent()).toBe('18')
    expect(await page.locator('.link').textContent()).toContain('Live')
    expect(await page.locator('.banner').isVisible()).toBe(false)
    expect(complaints).toEqual([])
    expect(strangers).toEqual([])
  })

  test('the charts are drawn, and say in words what they show', async () => {
    const { page } = await visit()
    await stat(page, 'Scored').waitFor()
    const spoken = await page.getByRole('img').all()
    expect(await Promise.all(spoken.map((chart) => chart.getAttribute('aria-label')))).toEqual([
      'Posts per second over the last five minutes; now 214, at most 264.',
      'Share of each class over the last five minutes; now negative 24%, neutral 45%, positive 31%.',
    ])
    const inked = `[...document.querySelectorAll('canvas')].map((canvas) => canvas.getContext('2d')
      .getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0))`
    await expect.poll(() => text(page, inked)).toBe('true,true')
  })

  test('nothing moves when they change', async () => {
    const { page } = await visit()
    const boxes = () =>
      text(
        page,
        `[...document.querySelectorAll('.panel, .stat, .panel > header')]
      .map((element) => { const { x, y, width, height } = element.getBoundingClientRect(); return [x, y, width, height] })`,
      )
    const before = await boxes()
    for (const scored of [9, 1_111_111_111, 77_777]) {
      const next = sampleSnapshot(Date.now(), { totals: { scored, dead: scored } })
      if (next.live !== null) {
        next.live.rate.now = scored
        next.live.hashtags.top.splice(scored % 10)
      }
      live.feed.next = next
      await expect.poll(() => stat(page, 'Scored').textContent()).toBe(scored.toLocaleString('en-GB'))
      expect(await boxes()).toBe(before)
    }
  })
})

describe('trouble', () => {
  test('a server that goes is told at once, its numbers stay, and the page comes back by itself', async () => {
    const { page, complaints } = await visit()
    await expect.poll(() => stat(page, 'Scored').textContent()).toBe('1,248,302')
    await live.stop()
    await page.getByRole('status').getByText('connection to the dashboard is lost').waitFor()
    expect(await page.locator('.link').textContent()).toContain('Disconnected')
    expect(await stat(page, 'Scored').textContent()).toBe('1,248,302')
    live.feed.next = sampleSnapshot(Date.now(), { totals: { scored: 2_000_000, dead: 0 } })
    await live.start()
    await expect.poll(() => stat(page, 'Scored').textContent()).toBe('2,000,000')
    expect(await page.locator('.banner').isVisible()).toBe(false)
    // Chromium itself reports each socket that was refused; nothing else may complain.
    expect(complaints.filter((complaint) => !complaint.includes('WebSocket connection to'))).toEqual([])
  })

  test('a page of an older server loads itself anew', async () => {
    const { page } = await visit()
    await page.evaluate('window.old = true')
    await live.stop()
    await live.start('1.0.1')
    await expect.poll(() => text(page, 'window.old')).toBe('undefined')
    await expect.poll(() => stat(page, 'Scored').textContent()).toBe('1,248,302')
  })

  test('a store that is away is named, and its last numbers are marked as old', async () => {
    const { page } = await visit()
    const away = sampleSnapshot(Date.now(), { asOfMs: Date.now() - 90_000 })
    const reason = 'ClickHouse does not answer: connect ECONNREFUSED'
    away.parts = allWorking.map((part) =>
      part.name === 'store' ? { name: 'store', state: 'waiting', detail: reason } : part,
    )
    live.feed.next = away
    await page.getByRole('status').getByText(`Waiting for the store: ${reason}`).waitFor()
    expect(await page.locator('.link').textContent()).toMatch(/Behind(9\d|\d{3}) s old/)
    live.feed.next = sampleSnapshot(Date.now())
    await page.locator('.banner').waitFor({ state: 'hidden' })
    expect(await page.locator('.link').textContent()).toContain('Live')
  })

  test('a feed that fails is told, and so is its recovery', async () => {
    const { page } = await visit()
    live.feed.next = new Error('the status folder cannot be read')
    await page.getByRole('status').getByText('the status folder cannot be read').waitFor()
    live.feed.next = sampleSnapshot(Date.now())
    await page.locator('.banner').waitFor({ state: 'hidden' })
  })

  test('before the first post it says what to run', async () => {
    const { page } = await visit()
    live.feed.next = { ...sampleSnapshot(Date.now(), { totals: { scored: 0, dead: 0 } }), model: null }
    await page.getByRole('heading', { name: 'Waiting for the first posts' }).waitFor()
    await page.getByText('npx driftline demo').waitFor()
    live.feed.next = { ...sampleSnapshot(Date.now()), live: null }
    await page.getByRole('heading', { name: 'Waiting for the store' }).waitFor()
    live.feed.next = sampleSnapshot(Date.now())
    await expect.poll(() => stat(page, 'Scored').textContent()).toBe('1,248,302')
  })
})

describe('posts', () => {
  const hostile = [
    '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>',
    '"><svg onload=window.hacked=1><iframe srcdoc="<script>parent.hacked=1</script>">',
    'javascript:window.hacked=1 {{constructor.constructor("window.hacked=1")()}} \u0024{window.hacked=1}',
    '\u202eright to left \u2066 never closed \u202b',
    `Z${'\u0353\u033a\u0301\u0334'.repeat(200)}algo`,
    '👩‍👩‍👧‍👦'.repeat(100),
    'x'.repeat(8_192),
    'شكرا جزيلا، يوم جميل #صباح',
    'line\nbreak\n'.repeat(50),
    '&lt;b&gt;entities&amp;lt;/b&amp;gt; &#60;i&#62;',
  ]

  test.each([
    ['wide', wide],
    ['phone', phone],
  ])('hostile text is text and stays in its row (%s)', async (_name, options) => {
    const { page, complaints, strangers } = await visit(options)
    const atMs = Date.now() + 60_000
    const snapshot = sampleSnapshot(atMs, { newest: hostile.map((post, n) => samplePost(n, atMs, post)) })
    for (const post of snapshot.live?.newest ?? []) {
      post.source = hostile[0] ?? ''
      post.id = hostile[1] ?? ''
    }
    const tag = snapshot.live?.hashtags.top[0]
    if (tag !== undefined) tag.tag = `${hostile[0]}${'y'.repeat(300)}\u202e`
    live.feed.next = snapshot
    await page.reload()
    await expect.poll(() => page.locator('.post .text').count()).toBe(hostile.length)
    expect(await page.locator('.post .text').allTextContents()).toEqual(hostile)
    expect(await text(page, 'window.hacked')).toBe('undefined')
    expect(await page.locator('main :is(img, script, iframe, b > svg, object, a)').count()).toBe(0)
    expect(await text(page, 'document.documentElement.scrollWidth <= innerWidth')).toBe('true')
    const heights = await text(
      page,
      `new Set([...document.querySelectorAll('.post')].map((row) => row.offsetHeight)).size`,
    )
    expect(heights).toBe('1')
    expect(complaints).toEqual([])
    expect(strangers).toEqual([])
  })

  test('the list stands still under the pointer, with the keyboard in it, and while paused', async () => {
    const { page } = await visit()
    const first = () => page.locator('.post').first().locator('.text').textContent()
    let n = 0
    const post = async () => {
      const name = `post number ${++n}`
      const atMs = Date.now() + n * 1_000 // the list takes in two a second
      live.feed.next = sampleSnapshot(atMs, {
        newest: [{ ...samplePost(0, atMs, name), key: name }],
        totals: { scored: n, dead: 0 },
      })
      await expect.poll(() => stat(page, 'Scored').textContent()).toBe(String(n))
      return name
    }
    await expect.poll(first).toBe(await post())

    const shown = await first()
    await page.locator('.newest ul').hover()
    await post()
    expect(await first()).toBe(shown)
    await page.mouse.move(0, 0)
    await expect.poll(first).toBe(`post number ${n}`)

    const focused = await first()
    await page.locator('.newest ul').focus()
    await post()
    expect(await first()).toBe(focused)
    await page.evaluate('document.activeElement.blur()')
    await expect.poll(first).toBe(`post number ${n}`)

    const paused = await first()
    await page.getByRole('button', { name: 'Pause' }).press('Enter')
    await post()
    await post()
    expect(await first()).toBe(paused)
    await page.getByRole('button', { name: 'Resume' }).press('Space')
    await expect.poll(first).toBe(`post number ${n}`)
  })

  test('a long one opens and closes by keyboard', async () => {
    const { page } = await visit()
    const atMs = Date.now() + 60_000
    live.feed.next = sampleSnapshot(atMs, { newest: [samplePost(0, atMs, 'word '.repeat(1_500))] })
    await page.reload()
    const row = page.locator('.post').first()
    const height = async () => (await row.boundingBox())?.height ?? 0
    const closed = await height()
    await row.getByRole('button', { name: 'More' }).press('Enter')
    await expect.poll(height).toBeGreaterThan(closed * 2)
    await row.getByRole('button', { name: 'Less' }).press('Enter')
    await expect.poll(height).toBe(closed)
  })
})

describe('everybody can read it', () => {
  test.each(['light', 'dark'] as const)('text stands out in the %s scheme', async (colorScheme) => {
    const { page } = await visit({ ...wide, colorScheme })
    await stat(page, 'Scored').waitFor()
    expect(await faintTexts(page)).toBe('')
    live.feed.next = new Error('no snapshot')
    await page.locator('.banner').waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    expect(await faintTexts(page)).toBe('')
  })

  test.each([320, 360, 768, 1024, 1440, 2560])('nothing sticks out at %i pixels', async (width) => {
    const { page } = await visit({ viewport: { width, height: 900 } })
    await stat(page, 'Scored').waitFor()
    expect(await text(page, 'document.documentElement.scrollWidth')).toBe(String(width))
    const widths = await text(
      page,
      `[...document.querySelectorAll('.chart')]
      .every((chart) => chart.querySelector('canvas').getBoundingClientRect().width <= chart.clientWidth)`,
    )
    expect(widths).toBe('true')
  })

  test('landmarks, headings and names tell the same as the looks', async () => {
    const { page } = await visit()
    await stat(page, 'Scored').waitFor()
    expect(await page.getByRole('banner').count()).toBe(1)
    expect(await page.getByRole('main').count()).toBe(1)
    expect(await page.getByRole('heading', { level: 1 }).allTextContents()).toEqual(['Driftline'])
    const sections = ['Posts per second', 'Classes', 'Newest posts', 'Top hashtags', 'Partitions', 'Parts']
    expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual(sections)
    for (const name of sections) await page.getByRole('region', { name, exact: true }).first().waitFor()
    await page.keyboard.press('Tab')
    expect(await text(page, 'document.activeElement.textContent')).toBe('Skip to the numbers')
  })
})

test('with a token, the page opens after the form and stays open', async () => {
  live = new LivePage()
  await live.start('1.0.0', 'a-token-of-some-length')
  const tab = await openTab(browser, wide)
  tabs.push(tab)
  const { page } = tab
  await page.goto(live.url)
  await page.getByLabel('Token').fill('a-token-of-some-length')
  await page.getByRole('button', { name: 'Open' }).click()
  await expect.poll(() => stat(page, 'Scored').textContent()).toBe('1,248,302')
  expect(page.url()).toBe(live.url)
  await page.reload()
  await expect.poll(() => stat(page, 'Scored').textContent()).toBe('1,248,302')
})
