import type { EventLog } from '../../connectors/event-log.ts'
import { openEventLog } from '../../connectors/open-log.ts'
import { untilAvailable } from '../../connectors/until-available.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import type { Config } from '../../core/config.ts'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { BackOff } from '../../dataflow/back-off.ts'
import { type Run, run } from '../../dataflow/run.ts'
import { authorHasher, authorKey } from '../../text/author.ts'
import { deadTopicOf } from '../../text/dead-post.ts'
import type { IngestOptions, Input } from './config.ts'
import { ingestFlow } from './flow.ts'
import { type OpenInput, openInput } from './inputs.ts'
import { rowSource } from './rows.ts'
import { reportEnd, reportStatus } from './status.ts'
import { type Summary, Tally } from './tally.ts'

export interface IngestContext {
  readonly config: Config
  readonly log: Log
  readonly signal: AbortSignal
  readonly clock?: Clock
  /** Told what was counted so far whenever it is worth showing. */
  readonly onProgress?: (tally: Tally) => void
}

/** A log that was away is written to again within seconds of its return. */
const backOff: BackOff = { firstMs: 100, maxMs: 5000 }

/** How often progress is told, in milliseconds. */
const progressMs = 500

/**
 * Reads the inputs one after the other into the event log. Killed and started again with the same inputs, it goes on where
 * it stopped; finished, it forgets its positions, so that the next run ingests everything again.
 *
 * @throws DriftlineError `SOURCE_UNAVAILABLE` before anything is read when one of the files cannot be
 */
export async function ingest(
  inputs: readonly Input[],
  options: IngestOptions,
  context: IngestContext,
): Promise<Summary> {
  const { config, log, signal, clock = systemClock } = context
  const eventLog = await openEventLog(config, log)
  const opened: OpenInput[] = []
  try {
    await openAll(inputs, options, context, eventLog, opened)
    const waiting = { clock, log, signal }
    const create = (topic: string, partitions: number) =>
      untilAvailable('the event log', () => eventLog.createTopic(topic, partitions), waiting)
    await create(config.topic, config.partitions)
    await create(deadTopicOf(config.topic), 1)
    const tally = new Tally(clock)
    let current: Run<number> | undefined
    const status = { data: config.data, replica: config.replica, tally, clock, log, current: () => current }
    const reporting = new AbortController()
    const reports = [reportStatus(status, reporting.signal), tellProgress(tally, context, clock, reporting.signal)]
    try {
      for (const input of opened) {
        if (signal.aborted) break
        tally.input = input.name
        current = run(flowOf(input, eventLog, tally, config, clock), { signal, clock, log, backOff })
        await current.done
        tally.blankLines += input.blankLines()
      }
      for (const { producer, goesOn = false } of opened) {
        if (!signal.aborted && !goesOn)
          await untilAvailable('the event log', () => eventLog.forgetProducer(producer), waiting)
      }
    } catch (error) {
      await reportEnd(status, 'halted', messageOf(error))
      throw error
    } finally {
      reporting.abort()
      await Promise.all(reports)
    }
    const summary = tally.summary(signal.aborted ? 'stopped' : 'ended')
    await reportEnd(status, summary.outcome)
    return summary
  } finally {
    for (const { close } of opened) await close?.()
    await eventLog[Symbol.asyncDispose]()
  }
}

async function openAll(
  inputs: readonly Input[],
  options: IngestOptions,
  { config, log, signal, clock = systemClock }: IngestContext,
  eventLog: EventLog,
  opened: OpenInput[],
): Promise<void> {
  const times = new Map<string, number>()
  for (const input of inputs) {
    const key = JSON.stringify(input)
    const nth = (times.get(key) ?? 0) + 1
    times.set(key, nth)
    opened.push(await openInput(input, nth, options, config, clock, { eventLog, log, signal }))
  }
}

function flowOf(input: OpenInput, eventLog: EventLog, tally: Tally, config: Config, clock: Clock) {
  const { source, repeatWindow, producer } = input
  const hashAuthor = authorHasher(authorKey(config.data))
  const rows = rowSource(input.records, { source, hashAuthor, repeatWindow, clock })
  return ingestFlow(rows, eventLog.sink<number>(producer), config.topic, (row) => tally.count(row))
}

async function tellProgress(tally: Tally, { onProgress }: IngestContext, clock: Clock, signal: AbortSignal) {
  while (!signal.aborted) {
    onProgress?.(tally)
    await clock.sleep(progressMs, signal).catch(() => signal.aborted)
  }
}
