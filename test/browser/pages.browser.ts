import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DriftlineError } from '../../core/errors.ts'
import { queued } from '../../dashboard/server/testing/memory-review.ts'
import { emptyDrift, sampleAlerts, sampleDrift, sampleModels } from '../../dashboard/server/testing/scripted-pages.ts'
import { launchChromium } from './chromium.ts'
import { LivePage, openTab, type Tab } from './live-page.ts'
import { faintTexts, fits } from './readable.ts'

const wide = { viewport: { width: 1440, height: 900 } }
const away = new DriftlineError('STORE_UNAVAILABLE', { reason: 'connect ECONNREFUSED' })

let browser: Browser
let live: LivePage
const tabs: Tab[] = []
beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser.close())
beforeEach(async () => {
  live = new LivePage()
  live.review.queue = Array.from({ length: 8 }, (_, n) => queued(n))
  live.drift.next = sampleDrift(Date.now())
  live.models.next = sampleModels(Date.now())
  live.alerts.next = sampleAlerts(Date.now())
  await live.start()
})
afterEach(async () => {
  for (const { page } of tabs.splice(0)) await page.context().close()
  await live.stop()
})

async function visit(tab: string, options: BrowserContextOptions = wide): Promise<Tab> {
  const opened = await openTab(browser, options)
  tabs.push(opened)
  await opened.page.clock.install() // goes on by itself, and can be put forward to the next time a page asks
  await opened.page.goto(`${live.url}#${tab}`)
  return opened
}

async function reviewAs(name: string, options: BrowserContextOptions = wide): Promise<Tab> {
  const tab = await visit('review', options)
  await tab.page.getByLabel('Your name').fill(name)
  await tab.page.getByLabel('Your name').press('Enter')
  await tab.page.getByRole('heading', { name: /^(Review|Settle ties)$/ }).waitFor()
  return tab
}
const nextPoll = (page: Page) => page.clock.fastForward(5_000)
const shown = (page: Page) => page.locator('.judged .says').textContent()
const answers = () =>
  [...live.review.labels.values()].map(({ post_id, labelled_by, label, note }) => [post_id, labelled_by, label || note])
const textOf = (n: number) => queued(n).text

describe('review', () => {
  test('posts are judged by keys alone: answers, skip, undo, with progress, and the name is remembered', async () => {
    const { page, complaints, strangers } = await reviewAs('ada')
    await expect.poll(() => shown(page)).toBe(textOf(0))
    await page.keyboard.press('1')
    await expect.poll(() => shown(page)).toBe(textOf(1))
    await page.keyboard.press('s')
    await page.keyboard.press('3')
    await expect.poll(() => shown(page)).toBe(textOf(3))
    await page
      .getByRole('status')
      .getByText(`positive: ${textOf(2).slice(0, 50)}`)
      .waitFor()
    await page.keyboard.press('u')
    await expect.poll(() => shown(page)).toBe(textOf(2))
    await page.keyboard.press('2')
    await expect.poll(answers).toEqual([
      ['post-0', 'ada', 'negative'],
      ['post-1', 'ada', 'skipped'],
      ['post-2', 'ada', 'neutral'],
    ])
    await page.getByText('2 of 8 posts answered').waitFor()
    await page.keyboard.press('9') // no such class
    await page.keyboard.press('Control+1') // the browser's
    expect(await shown(page)).toBe(textOf(3))
    await page.reload()
    await expect.poll(() => shown(page)).toBe(textOf(3))
    expect(complaints).toEqual([])
    expect(strangers).toEqual([])
  })

  test('by mouse; keys mean letters while a name is written', async () => {
    const { page } = await reviewAs('sus1')
    await expect.poll(() => shown(page)).toBe(textOf(0))
    await page.getByRole('button', { name: 'positive' }).click()
    await expect.poll(() => shown(page)).toBe(textOf(1))
    await page.getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => shown(page)).toBe(textOf(0))
    await page.getByRole('button', { name: 'Somebody else' }).click()
    await page.getByLabel('Your name').pressSequentially('usu 12')
    expect(await page.getByLabel('Your name').inputValue()).toBe('usu 12')
    await expect.poll(answers).toEqual([['post-0', 'sus1', 'withdrawn']])
  })

  test('two people are not asked about the same post; a tie is settled by a third, who sees both answers', async () => {
    live.review.queue = [queued(0), queued(1)]
    const [ada, ben] = [(await reviewAs('ada')).page, (await reviewAs('ben')).page]
    await expect.poll(() => shown(ada)).toBe(textOf(0))
    await ben.getByRole('heading', { name: 'Nothing to review' }).waitFor()
    await live.review.write({ ...answerRow, labelled_by: 'cem', label: 'negative' })
    await live.review.write({ ...answerRow, labelled_by: 'dan', label: 'positive' })
    await ada.close()
    await ben.getByLabel(/Settle ties/).check()
    await expect.poll(() => shown(ben)).toBe(textOf(0))
    expect(await ben.getByRole('list', { name: 'Answers so far' }).textContent()).toBe(
      'cem said negativedan said positive',
    )
    await ben.keyboard.press('3')
    await ben.getByRole('heading', { name: 'No ties to settle' }).waitFor()
    expect(live.review.labels.get('["post-0","ben"]')).toMatchObject({ label: 'positive', origin: 'adjudication' })
  })

  test('an answer that cannot be kept comes back and says why', async () => {
    const { page } = await reviewAs('ada')
    await expect.poll(() => shown(page)).toBe(textOf(0))
    live.review.trouble = away
    await page.keyboard.press('1')
    await page.getByRole('alert').getByText('This answer was not kept: ClickHouse does not answer').waitFor()
    await expect.poll(() => shown(page)).toBe(textOf(0))
    live.review.trouble = undefined
    await page.keyboard.press('1')
    await expect.poll(() => shown(page)).toBe(textOf(1))
    await page.getByRole('alert').waitFor({ state: 'hidden' })
  })

  test('an empty queue says what fills it, and posts appear by themselves', async () => {
    live.review.queue = []
    const { page } = await reviewAs('ada')
    await page.getByText('No post has been asked about yet.').waitFor()
    await page.getByText('npx driftline drift run').waitFor()
    live.review.queue = [queued(0)]
    await nextPoll(page)
    await expect.poll(() => shown(page)).toBe(textOf(0))
  })

  test.each([1440, 360])('hostile text is text and stays in its place (%i pixels)', async (width) => {
    const hostile = [
      '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>',
      `\u202eright to left ${'x'.repeat(8_000)}`,
      '&lt;b&gt; {{constructor.constructor("window.hacked=1")()}}',
    ]
    live.review.queue = hostile.map((text, n) =>
      queued(n, { text, source: text.slice(0, 60), classes: [text.slice(0, 60), 'other'] }),
    )
    const { page, complaints } = await reviewAs('<b>ada</b>', { viewport: { width, height: 740 } })
    for (const text of hostile) {
      await expect.poll(() => shown(page)).toBe(text)
      expect(await fits(page)).toBe(true)
      await page.keyboard.press('1')
    }
    await page.getByRole('heading', { name: 'Nothing to review' }).waitFor()
    expect(await page.evaluate('String(window.hacked)')).toBe('undefined')
    expect(await page.locator('main :is(img, script, iframe, object)').count()).toBe(0)
    expect(complaints).toEqual([])
  })
})

const answerRow = {
  post_id: 'post-0',
  labelled_at: 1,
  text: '',
  event_at: 0,
  origin: 'review',
  selection_probability: 1,
  note: '',
} as const

describe('drift', () => {
  test('the verdict, its reasons, what moved with examples, accuracy with its interval, every statistic', async () => {
    const { page, complaints } = await visit('drift')
    await page.getByRole('heading', { name: 'Drift', exact: true }).waitFor()
    expect(await page.getByRole('list', { name: 'Reasons' }).getByRole('listitem').allTextContents()).toEqual([
      'Driftshare of negative posts 24 % → 41 %',
      'Warningsource=file: unknown tokens 3 % → 9 %',
    ])
    const accuracy = page.getByRole('region', { name: 'Accuracy' })
    expect(await accuracy.locator('.estimates b').allTextContents()).toEqual(['83.0%', '71.0%', '70.0%'])
    await accuracy.getByText('97 labels, as good as 61 drawn evenly').waitFor()
    await accuracy.getByText('labels contradict').waitFor()
    const example = page.getByText('An example post that says delayed')
    expect(await example.isVisible()).toBe(false)
    await page.locator('summary', { hasText: 'delayed' }).press('Enter')
    await example.waitFor()
    expect(await page.getByRole('img').first().getAttribute('aria-label')).toMatch(
      /^classes\.js: 0\.\d+ now, threshold 0\.1, above it in 2 of 24 checks$/,
    )
    expect(await page.getByRole('region', { name: 'Table of statistics' }).getByRole('row').count()).toBe(5)
    expect(complaints).toEqual([])
  })

  test('a mark of the timeline opens its check, by keyboard too', async () => {
    const { page } = await visit('drift')
    const marks = page.getByRole('list', { name: 'Last checks, oldest first' }).getByRole('button')
    await expect.poll(() => marks.count()).toBe(24)
    expect(await marks.last().getAttribute('aria-pressed')).toBe('true')
    await marks.nth(3).press('Enter')
    await page.getByRole('heading', { name: 'OK', exact: true }).waitFor()
    expect(await marks.nth(3).getAttribute('aria-pressed')).toBe('true')
    expect(live.drift.asked.at(-1)).toBe('check-4')
  })

  test('before the first check it says what makes one; a store that is away is told, and the numbers stay', async () => {
    live.drift.next = emptyDrift
    const { page } = await visit('drift')
    await page.getByRole('heading', { name: 'No check yet' }).waitFor()
    live.drift.next = sampleDrift(Date.now())
    await nextPoll(page)
    await page.getByRole('heading', { name: 'Drift', exact: true }).waitFor()
    live.drift.next = away
    await nextPoll(page)
    await page.getByRole('alert').getByText('ClickHouse does not answer').waitFor()
    await page.clock.fastForward(20_000)
    await page.getByText(/^Behind: from .* s old$/).waitFor()
    expect(await page.getByRole('heading', { name: 'Drift', exact: true }).isVisible()).toBe(true)
  })
})

describe('alerts', () => {
  test('what fires, what is pending and what was, each with its state in a word, and who could not be told', async () => {
    const { page, complaints } = await visit('alerts')
    const now = page.getByRole('list', { name: 'Alerts that fire or are pending' }).getByRole('listitem')
    await expect.poll(() => now.count()).toBe(2)
    expect(await now.locator('.mark').allTextContents()).toEqual(['Firing', 'Pending'])
    await now.first().getByText('pager: not told yet (firing, attempts 3, HTTP 503)').waitFor()
    const before = page.getByRole('list', { name: 'Alerts that were resolved' })
    await before.getByText('312 posts of #<b>launch</b> in 10 min').waitFor()
    await before.getByText('Resolved').waitFor()
    expect(complaints).toEqual([])
  })

  test('before the first it says what makes one; when all is resolved it says so; a store that is away is told', async () => {
    live.alerts.next = { atMs: 0, alerts: [] }
    const { page } = await visit('alerts')
    await page.getByRole('heading', { name: 'No alert yet' }).waitFor()
    const sample = sampleAlerts(Date.now())
    live.alerts.next = { ...sample, alerts: sample.alerts.filter(({ state }) => state === 'resolved') }
    await nextPoll(page)
    await page.getByText('All is quiet.').waitFor()
    live.alerts.next = away
    await nextPoll(page)
    await page.getByRole('alert').getByText('ClickHouse does not answer').waitFor()
  })
})

describe('models', () => {
  test('versions, aliases, gates with their report, challengers, training, changes and swaps', async () => {
    const { page, complaints } = await visit('models')
    const rows = page.getByRole('region', { name: 'Versions of sentiment' }).getByRole('row')
    await expect.poll(() => rows.count()).toBe(4)
    expect(await rows.nth(1).textContent()).toContain('stopped by slices, speed')
    expect(await rows.nth(2).textContent()).toContain('champion')
    await page.getByText('takes posts of the champion: 5.0%').waitFor()
    await page.getByText('training 42.0%, 41 s left').waitFor()
    const swaps = page.locator('[aria-labelledby=swaps-title] li')
    expect((await swaps.allTextContents()).map((line) => line.slice(line.indexOf(' v') + 1))).toEqual([
      'v1 → v2 took over, pause 0.4 ms by drift: passed all gates',
      'v2 canary ended by drift: passed all gates',
      'v1 → v2 in 4 partitions, loaded in 0.8 s by drift: passed all gates',
    ])
    const [report] = await Promise.all([
      page.context().waitForEvent('page'),
      page.getByRole('link', { name: 'report of version 2' }).click(),
    ])
    await report.getByRole('heading', { name: 'passed' }).waitFor()
    expect(await report.title()).toBe('gates') // its script did not run
    expect(await report.evaluate(`getComputedStyle(document.querySelector('h1')).color`)).toBe('rgb(1, 2, 3)')
    expect(complaints).toEqual([])
  })

  test('an empty registry, swaps that cannot be read, and a registry that fails', async () => {
    live.models.next = { atMs: 0, models: [], swaps: [] }
    const { page } = await visit('models')
    await page.getByRole('heading', { name: 'No model yet' }).waitFor()
    live.models.next = { ...sampleModels(), swaps: null }
    await nextPoll(page)
    await page.getByText('ClickHouse is away; they are kept there.').waitFor()
    live.models.next = new DriftlineError('REGISTRY_INVALID', { reason: 'change 7 is no JSON' })
    await nextPoll(page)
    await page.getByRole('alert').getByText('change 7 is no JSON').waitFor()
    await page.getByRole('heading', { name: 'sentiment' }).waitFor()
  })
})

describe('everybody can read and reach them', () => {
  const landmarks: Readonly<Record<string, readonly string[]>> = {
    review: ['Review', 'Progress'],
    drift: ['Drift', 'Accuracy', 'Over the last checks', 'What moved', 'Statistics'],
    alerts: ['Now', 'Before'],
    models: [
      'sentiment',
      'Retraining in progress',
      'Challengers',
      'Promotions and rollbacks',
      'Swaps in the score job',
    ],
  }

  test.each(['light', 'dark'] as const)('text stands out and headings tell the parts (%s)', async (colorScheme) => {
    const { page } = await reviewAs('ada', { ...wide, colorScheme })
    for (const [tab, titles] of Object.entries(landmarks)) {
      await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: tab }).click()
      await expect.poll(() => page.getByRole('heading', { level: 2 }).allTextContents()).toEqual(titles)
      for (const name of titles) await page.getByRole('region', { name, exact: true }).first().waitFor()
      expect(await faintTexts(page)).toBe('')
      expect(await page.getByRole('main').count()).toBe(1)
      expect(await page.locator('[aria-current=page]').textContent()).toBe(tab[0]?.toUpperCase() + tab.slice(1))
    }
  })

  test.each([320, 768, 2560])('nothing sticks out at %i pixels', async (width) => {
    const { page } = await reviewAs('ada', { viewport: { width, height: 900 } })
    for (const [tab, [title = '']] of Object.entries(landmarks)) {
      await page.goto(`${live.url}#${tab}`)
      await page.getByRole('region', { name: title, exact: true }).first().waitFor()
      expect(await fits(page)).toBe(true)
    }
  })
})
