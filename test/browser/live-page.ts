import type { FastifyInstance } from 'fastify'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { ReviewDesk } from '../../dashboard/server/review-desk.ts'
import { createServer } from '../../dashboard/server/server.ts'
import { MemoryReview } from '../../dashboard/server/testing/memory-review.ts'
import { type ScriptedFeed, sampleSnapshot, scriptedFeed } from '../../dashboard/server/testing/scripted-feed.ts'
import { ScriptedAlerts, ScriptedDrift, ScriptedModels } from '../../dashboard/server/testing/scripted-pages.ts'
import { freePorts } from '../free-ports.ts'
import { patience } from '../patience.ts'

/** A dashboard over a scripted feed, on a port of its own that it keeps when it is started again. */
export class LivePage {
  readonly feed: ScriptedFeed
  readonly review = new MemoryReview()
  readonly drift = new ScriptedDrift()
  readonly models = new ScriptedModels()
  readonly alerts = new ScriptedAlerts()
  port = 0
  #server: FastifyInstance | undefined

  constructor(feed: ScriptedFeed = scriptedFeed(sampleSnapshot(Date.now()))) {
    this.feed = feed
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`
  }

  async start(version = '1.0.0', token?: string): Promise<void> {
    const { feed, drift, models, alerts } = this
    const desk = new ReviewDesk(this.review, systemClock, async () => ['negative', 'neutral', 'positive'])
    this.#server = await createServer({
      feed,
      desk,
      drift,
      models,
      alerts,
      clock: systemClock,
      log: silentLog,
      token,
      version,
    })
    if (this.port === 0) [this.port = 0] = await freePorts(1) // which no connection takes while the dashboard is away
    await this.#server.listen({ host: '127.0.0.1', port: this.port })
  }

  async stop(): Promise<void> {
    await this.#server?.close()
    this.#server = undefined
  }
}

/** A tab, and everything in it that a quiet page does not do. */
export interface Tab {
  readonly page: Page
  /** Errors and warnings of the console, exceptions, dialogs, and violations of the content security policy. */
  readonly complaints: string[]
  /** Requests to anywhere but the dashboard. */
  readonly strangers: string[]
}

export async function openTab(browser: Browser, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', ...options })
  context.setDefaultTimeout(patience.expect.poll.timeout)
  const page = await context.newPage()
  const complaints: string[] = []
  const strangers: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url())
    if (hostname !== '127.0.0.1' && protocol !== 'data:') strangers.push(request.url())
  })
  // As text, for these tests are checked without the browser's types.
  await page.addInitScript(`document.addEventListener('securitypolicyviolation', (event) =>
    console.error('policy violation: ' + event.violatedDirective + ' ' + event.blockedURI))`)
  return { page, complaints, strangers }
}
