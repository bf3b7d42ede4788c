import type { ClickHouseClient } from '@clickhouse/client'
import { storeFailure } from '../../../clickhouse/client.ts'
import { insertLabels } from '../../../clickhouse/labels.ts'
import { select } from '../../../clickhouse/queries.ts'
import type { LabelRow } from '../../../clickhouse/rows/labels.ts'
import type { Clock } from '../../../core/clock.ts'
import { DriftlineError, messageOf } from '../../../core/errors.ts'
import type { Log } from '../../../core/log.ts'
import { writeStatus } from '../../../core/status.ts'

/** Name under which the answers stand in `labels`: nobody shall take them for a person's. */
export const simulatedReviewer = 'simulated-reviewer'

export interface RevealOptions {
  /** The data folder, for the status. */
  readonly data: string
  readonly connect: () => ClickHouseClient
  /** Share of all posts that are labelled, chosen by a hash of their id: a random audit. */
  readonly share: number
  /** Whether the review queue is worked off too. */
  readonly queue: boolean
  /** Between the score of a post, or its place in the queue, and its answer. */
  readonly delayMs: number
  /** Most answers a second. */
  readonly perSecond: number
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

const everyMs = 1000
/** A post that was not answered this long after its time, in milliseconds, is passed over: a restart does not catch up on hours. */
const patienceMs = 600_000

/**
 * A stand-in for people, for replays and demonstrations: answers posts with the label that they came with, after a delay,
 * until the signal is aborted. What ClickHouse does not take is tried again.
 */
export async function runReveal(options: RevealOptions): Promise<void> {
  const { data, clock, log, signal } = options
  const startedAt = clock.now()
  let answered = 0
  const status = (state: 'ok' | 'waiting' | 'stopped', reason: string) =>
    writeStatus(data, {
      job: 'reviewer',
      pid: process.pid,
      startedAt,
      updatedAt: clock.now(),
      state,
      reason,
      partitions: [],
      counts: { answered },
      rates: {},
    }).catch((error: unknown) => log.warn({ err: error }, 'no status written'))

  while (!signal.aborted) {
    try {
      answered += await reveal(options)
      await status('ok', `simulated: gave ${answered} answers, the labels that the posts came with`)
    } catch (thrown) {
      if (signal.aborted) break
      const error = storeFailure(thrown)
      if (!(error instanceof DriftlineError && error.retryable)) throw error
      await status('waiting', messageOf(error))
    }
    await clock.sleep(everyMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
  }
  await status('stopped', 'was stopped')
}

/** Answers what is due now. @returns how many answers */
export async function reveal(options: Omit<RevealOptions, 'data' | 'log'>): Promise<number> {
  const { connect, share, queue, delayMs, perSecond: rows, clock, signal } = options
  const now = clock.now()
  const until_ms = now - delayMs
  const client = connect()
  try {
    const sampled =
      share > 0
        ? await select(client, 'reveal_sample', { from_ms: until_ms - patienceMs, until_ms, share, rows }, signal)
        : []
    const queued =
      queue && rows > sampled.length
        ? await select(client, 'reveal_queue', { until_ms, rows: rows - sampled.length }, signal)
        : []
    const known = new Set(sampled.map(({ post_id }) => post_id))
    const chosen = [
      ...sampled.map((post) => ({ ...post, selection_probability: share })),
      ...queued.filter(({ post_id }) => !known.has(post_id)),
    ]
    await insertLabels(
      client,
      chosen.map(
        ({ post_id, text, event_at_ms: event_at, label, selection_probability }): LabelRow => ({
          post_id,
          labelled_by: simulatedReviewer,
          labelled_at: now,
          label,
          text,
          event_at,
          origin: 'replay',
          selection_probability,
          note: '',
        }),
      ),
      signal,
    )
    return chosen.length
  } finally {
    await client.close()
  }
}
