import { InvalidArgumentError } from 'commander'
import { storeClient } from '../clickhouse/client.ts'
import { systemClock } from '../core/clock.ts'
import { runReveal } from '../jobs/drift/review/reveal.ts'
import { runs, verb } from './command.ts'
import { withStore } from './with-store.ts'

interface RevealFlags extends Record<string, unknown> {
  readonly share: number
  readonly queue: boolean
  readonly delay: number
  readonly rate: number
}

/** `labels reveal`: a stand-in for reviewers. */
export const revealLabelsCommand = () =>
  verb('reveal', 'answer posts with the label that they came with, as a reviewer would: for replays and demonstrations')
    .option('--share <share>', 'share of all posts to label, 0 to 1', within(0, 1), 0)
    .option('--no-queue', 'leave the review queue alone')
    .option('--delay <seconds>', 'from a post to its label', within(0, 1e9), 5)
    .option('--rate <n>', 'most answers a second', within(1, 1e6), 20)
    .action(
      runs<RevealFlags>(async ({ config, log, signal }, { share, queue, delay, rate }) => {
        await withStore(config, log, signal, () =>
          runReveal({
            data: config.data,
            connect: () => storeClient(config),
            share,
            queue,
            delayMs: delay * 1000,
            perSecond: Math.round(rate),
            clock: systemClock,
            log,
            signal,
          }),
        )
        return 0
      }),
    )

const within = (least: number, most: number) => (text: string) => {
  const value = Number(text)
  if (text.trim() === '' || !(value >= least && value <= most))
    throw new InvalidArgumentError(`must be a number from ${least} to ${most}.`)
  return value
}
