import type { EventLog, LogRecord, Offset } from '../../connectors/event-log.ts'
import type { Log } from '../../core/log.ts'
import type { Source } from '../../dataflow/source.ts'

/**
 * A source that goes on with the first record that the log still has where retention removed what came next; without it
 * such a partition halts. What was removed stays missing, and `verify` says so.
 */
export function pastRemoved(
  source: Source<LogRecord, Offset>,
  { topic, eventLog, log }: { readonly topic: string; readonly eventLog: EventLog; readonly log: Log },
): Source<LogRecord, Offset> {
  return {
    ...source,
    async open(partition, from, signal) {
      const ranges = from === undefined ? [] : await eventLog.ranges(topic)
      const start = ranges.find((range) => String(range.partition) === partition)?.start ?? 0
      if (from === undefined || from >= start) return source.open(partition, from, signal)
      log.warn(
        { topic, partition, from, start },
        'retention has removed records that were not scored; they are skipped',
      )
      return source.open(partition, start, signal)
    },
  }
}
