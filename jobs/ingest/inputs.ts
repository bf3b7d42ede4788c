import { createHash, randomUUID } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { basename } from 'node:path'
import { demoSource } from '../../connectors/demo.ts'
import type { EventLog } from '../../connectors/event-log.ts'
import { fileSource, fingerprint, formatOf, streamSource } from '../../connectors/files.ts'
import { checkMap, describeSample } from '../../connectors/map-sample.ts'
import { openEventLog } from '../../connectors/open-log.ts'
import type { RawRecord } from '../../connectors/raw-record.ts'
import { untilAvailable } from '../../connectors/until-available.ts'
import type { Clock } from '../../core/clock.ts'
import type { Config } from '../../core/config.ts'
import { DriftlineError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Source } from '../../dataflow/source.ts'
import { deadTopicOf } from '../../text/dead-post.ts'
import { parseFieldMap } from '../../text/field-map.ts'
import type { IngestOptions, Input } from './config.ts'
import { limited, paced } from './pace.ts'
import { repeatWindow } from './rows.ts'
import { deadRows, topicRows } from './topics.ts'

/** An input made ready to be read. */
export interface OpenInput {
  /** For people. */
  readonly name: string
  /** The name under which the log files its position: another content or another reading gets another one. */
  readonly producer: string
  readonly records: Source<RawRecord, number>
  /** For posts that name no source. */
  readonly source: string
  readonly repeatWindow: number
  /** Lines that held nothing, so far. */
  blankLines(): number
  /** The next run goes on where this one ended, instead of ingesting everything again. */
  readonly goesOn?: boolean
  /** What it opened for itself. */
  readonly close?: () => Promise<void>
}

/**
 * @param nth which time the same file stands in the list of inputs: each time it is ingested by itself
 * @throws DriftlineError `USAGE` for a file whose format nobody can tell, `SOURCE_UNAVAILABLE` for one that cannot be read
 */
export async function openInput(
  input: Input,
  nth: number,
  options: IngestOptions,
  config: Config,
  clock: Clock,
  { eventLog, log, signal }: { readonly eventLog: EventLog; readonly log: Log; readonly signal: AbortSignal },
): Promise<OpenInput> {
  const slowed = (source: Source<RawRecord, number>) => {
    const short = options.limit === undefined ? source : limited(source, options.limit)
    return options.rate === undefined ? short : paced(short, options.rate, clock)
  }
  switch (input.kind) {
    case 'file': {
      const { path } = input
      const format = options.format ?? formatOf(path)
      const mark = await fingerprint(path)
      if (format === undefined) {
        throw new DriftlineError('USAGE', { reason: `the name of ${path} tells no format; add --format jsonl or csv` })
      }
      const file = fileSource(path, format)
      return {
        name: path,
        producer: `ingest file ${digest([await realpath(path), mark, format, nth])}`,
        records: slowed(file),
        source: options.source ?? sourceName(path),
        repeatWindow,
        blankLines: () => file.stats.blankLines,
      }
    }
    case 'stdin': {
      const stdin = streamSource(process.stdin, 'stdin', options.format ?? 'jsonl', clock)
      return {
        name: 'stdin',
        producer: `ingest stdin ${randomUUID()}`, // cannot be read again, so there is nothing to resume
        records: slowed(stdin),
        source: options.source ?? 'stdin',
        repeatWindow,
        blankLines: () => stdin.stats.blankLines,
      }
    }
    case 'demo': {
      const { drift: kinds, driftAt, driftOver, limit } = options
      const seed = options.seed ?? config.demoSeed
      const rate = options.rate ?? config.demoRate
      const drift = kinds && { kinds, atPost: Math.round(driftAt * rate), overPosts: Math.round(driftOver * rate) }
      return {
        name: 'demo',
        producer: `ingest demo ${seed}`, // with other drift or rate the stream goes on, it does not repeat its ids
        records: demoSource({ seed, rate, clock, ...(limit && { limit }), ...(drift && { drift }) }),
        source: options.source ?? 'demo',
        repeatWindow: 0,
        blankLines: () => 0,
      }
    }
    case 'kafka': {
      const { topic } = input
      const from =
        options.brokers === undefined ? eventLog : await openEventLog({ ...config, kafkaBrokers: options.brokers }, log)
      const close = async () => {
        if (from !== eventLog) await from[Symbol.asyncDispose]()
      }
      if (from.kind !== 'kafka') {
        throw new DriftlineError('USAGE', {
          reason: 'name the brokers: --brokers host:port, or DRIFTLINE_KAFKA_BROKERS',
        })
      }
      if (from === eventLog && topic === config.topic) {
        throw new DriftlineError('USAGE', {
          reason: `${topic} is the topic that posts go to; to score it as it is: driftline score --topic ${topic} --map …`,
        })
      }
      const info = await untilAvailable('Kafka', () => from.topic(topic), { clock, log, signal })
      if (info === undefined) throw new DriftlineError('SOURCE_UNAVAILABLE', { topic, reason: 'no such topic' })
      const map = options.map === undefined ? undefined : parseFieldMap(options.map)
      if (map !== undefined)
        log.info({ topic, report: describeSample(await checkMap(from, topic, map, signal)) }, 'map tried')
      return {
        name: topic,
        producer: `ingest kafka ${info.id}`,
        records: slowed(topicRows(from, topic, options.untilEnd, map)),
        source: options.source ?? topic.slice(0, 64),
        repeatWindow: 0,
        blankLines: () => 0,
        goesOn: true,
        close,
      }
    }
    case 'dead': {
      const topic = deadTopicOf(config.topic)
      const info = await untilAvailable('the event log', () => eventLog.topic(topic), { clock, log, signal })
      if (info === undefined) throw new DriftlineError('SOURCE_UNAVAILABLE', { topic, reason: 'no such topic' })
      const map = options.map === undefined ? undefined : parseFieldMap(options.map)
      return {
        name: topic,
        producer: `ingest dead ${info.id}`,
        records: slowed(deadRows(eventLog, topic, map)),
        source: options.source ?? 'replayed',
        repeatWindow: 0,
        blankLines: () => 0,
        goesOn: true,
      }
    }
  }
}

const digest = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)

/** `/data/posts.jsonl.gz` → `posts`, at most 64 characters. */
const sourceName = (path: string): string =>
  basename(path)
    .replace(/(\.[A-Za-z]+)?(\.gz)?$/, '')
    .slice(0, 64) || 'file'
