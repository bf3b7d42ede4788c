import { storeClient } from '../clickhouse/client.ts'
import { openEventLog } from '../connectors/open-log.ts'
import { systemClock } from '../core/clock.ts'
import { packageVersion } from '../core/package-version.ts'
import { clickhouseAlertsFeed } from '../dashboard/server/alerts-feed.ts'
import { clickhouseDriftFeed } from '../dashboard/server/drift-feed.ts'
import { listen } from '../dashboard/server/listen.ts'
import { createLiveFeed } from '../dashboard/server/live-feed.ts'
import { clickhouseLiveStore } from '../dashboard/server/live-store.ts'
import { registryModelsFeed } from '../dashboard/server/models-feed.ts'
import { ReviewDesk } from '../dashboard/server/review-desk.ts'
import { clickhouseReviewStore } from '../dashboard/server/review-store.ts'
import { createServer } from '../dashboard/server/server.ts'
import { storeSession } from '../dashboard/server/store-session.ts'
import { loadModel } from '../models/load-model.ts'
import { runs, verb } from './command.ts'
import { openBrowser } from './open-browser.ts'
import { openRegistry } from './registry.ts'

/** The page. It starts without log, store or jobs, shows what is missing, and goes on by itself when they come. */
export const dashboardCommand = () =>
  verb('dashboard', 'serve the page: live numbers, review, drift and models')
    .option('--host <address>', 'address to bind; any other than loopback needs a token (DRIFTLINE_HOST)')
    .option('--port <port>', 'port; 0 takes any free one (DRIFTLINE_PORT)')
    .option('--open-browser', 'open the page in a browser (DRIFTLINE_OPEN_BROWSER)')
    .action(
      runs(async ({ config, loaded, log, json, signal }) => {
        const store = clickhouseLiveStore(() => storeClient(config))
        const feed = createLiveFeed({
          data: config.data,
          topic: config.topic,
          store,
          openLog: () => openEventLog(config, log),
          clock: systemClock,
          log,
        })
        const session = storeSession(() => storeClient(config))
        const classes = async () => (await loadModel(config.model, config)).labels
        const options = {
          feed,
          desk: new ReviewDesk(clickhouseReviewStore(session), systemClock, classes),
          drift: clickhouseDriftFeed(session, systemClock),
          alerts: clickhouseAlertsFeed(session, systemClock),
          models: registryModelsFeed(() => openRegistry(config), session, systemClock),
          clock: systemClock,
          log,
          token: config.token,
          version: packageVersion,
        }
        try {
          const { server, url } = await listen(() => createServer(options), {
            host: config.host,
            port: config.port,
            portWasSet: loaded.origins.port !== 'default',
            token: config.token,
          })
          if (config.openBrowser) openBrowser(url, log)
          process.stdout.write(json ? `${JSON.stringify({ url })}\n` : `${url}\n`)
          if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
          await server.close()
        } finally {
          await feed[Symbol.asyncDispose]()
          await store[Symbol.asyncDispose]()
          await session[Symbol.asyncDispose]()
        }
        return 0
      }),
    )
