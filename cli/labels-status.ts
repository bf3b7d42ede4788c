import { select } from '../clickhouse/queries.ts'
import { systemClock } from '../core/clock.ts'
import type { ReviewSummary } from '../dashboard/review-api.ts'
import { ReviewDesk } from '../dashboard/server/review-desk.ts'
import { clickhouseReviewStore } from '../dashboard/server/review-store.ts'
import { runs, verb } from './command.ts'
import { withStore } from './with-store.ts'

/** `labels status`. */
export const statusLabelsCommand = () =>
  verb('status', 'how many posts are labelled, how far the review is, and how far people agree').action(
    runs(async ({ config, loaded, log, json, signal }) => {
      if (loaded.origins.logLevel === 'default') log.level = 'warn'
      const summary = await withStore(config, log, signal, (client) => {
        const store = clickhouseReviewStore({
          select: (name, parameters) => select(client, name, parameters, signal),
          use: (act) => act(client, signal),
          [Symbol.asyncDispose]: async () => {},
        })
        return new ReviewDesk(store, systemClock, async () => []).summary()
      })
      process.stdout.write(json ? `${JSON.stringify(summary, null, 2)}\n` : describe(summary))
      return 0
    }),
  )

function describe({ labelled, asked, answered, disputed, people, agreement, queuedAtMs }: ReviewSummary): string {
  const { posts, raw, alpha } = agreement
  const since = queuedAtMs > 0 ? `, asked last ${new Date(queuedAtMs).toISOString()}` : ''
  return `${[
    `${labelled} posts labelled`,
    `review: ${answered} of ${asked} posts answered${since}`,
    ...people.map(({ name, answers, skipped }) => `  ${name}: ${answers} answers, ${skipped} passed over`),
    raw === null
      ? 'agreement: no post has several answers'
      : `agreement on ${posts} posts with several answers: ${(100 * raw).toFixed(1)} % of pairs, Krippendorff’s α ${alpha === null ? 'unknown: one class only' : alpha.toFixed(3)}`,
    `ties to settle: ${disputed}`,
  ].join('\n')}\n`
}
