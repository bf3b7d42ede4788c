import { DriftlineError } from '../core/errors.ts'
import { type FieldMap, judgeSample, type SampleReport } from '../text/field-map.ts'
import { parsePost } from '../text/parse-post.ts'
import type { EventLog, LogRecord } from './event-log.ts'

const perPartition = 50
const readsMost = 100

/** The last records of each partition. */
async function sampleOf(log: EventLog, topic: string, signal: AbortSignal): Promise<LogRecord[]> {
  const source = log.source(topic, { untilEnd: true })
  const sample: LogRecord[] = []
  for (const { partition, start, end } of await log.ranges(topic)) {
    const reader = await source.open(String(partition), Math.max(start, end - perPartition), signal)
    for (let reads = 0; reads < readsMost; reads++) {
      const records = await reader.next(perPartition)
      if (records === undefined) break
      sample.push(...records)
    }
    await reader[Symbol.asyncDispose]()
  }
  return sample
}

/** Tries a map on the newest records of a topic. @throws DriftlineError `SOURCE_UNAVAILABLE`, `LOG_UNAVAILABLE` */
export async function trySample(
  log: EventLog,
  topic: string,
  map: FieldMap,
  signal: AbortSignal,
): Promise<SampleReport> {
  const sample = (await sampleOf(log, topic, signal)).map((record) => ({ ...record, topic }))
  return judgeSample(map, sample, (row, { appendedAtMs }) => {
    const hashAuthor = (author: string) => author
    return parsePost(row, { source: topic, nowMs: appendedAtMs, hashAuthor }).reason
  })
}

/**
 * The same, for a start.
 *
 * @throws DriftlineError `CONFIG_INVALID` when there are records and not one of them becomes a post
 */
export async function checkMap(
  log: EventLog,
  topic: string,
  map: FieldMap,
  signal: AbortSignal,
): Promise<SampleReport> {
  const report = await trySample(log, topic, map, signal)
  if (report.records > 0 && report.posts === 0) {
    const reason = `map: no record of ${topic} becomes a post. ${describeSample(report)}`
    throw new DriftlineError('CONFIG_INVALID', { reason })
  }
  return report
}

/** `97 of 100 become posts; text=body in 100, lang=language in 0; not read: likes, user; dead: text is empty (3)`. */
export function describeSample({ records, posts, rules, unused, reasons }: SampleReport): string {
  if (records === 0) return 'the topic holds no records to try the map on'
  return [
    `${posts} of ${records} become posts`,
    rules.map(({ rule, found }) => `${rule} in ${found}`).join(', '),
    ...(unused.length === 0 ? [] : [`not read: ${unused.slice(0, 10).join(', ')}`]),
    ...(reasons.length === 0
      ? []
      : [
          `dead: ${reasons
            .slice(0, 3)
            .map(({ reason, count }) => `${reason} (${count})`)
            .join('; ')}`,
        ]),
  ].join('; ')
}
