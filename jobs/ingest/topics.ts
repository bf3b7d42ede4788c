import type { EventLog, LogRecord } from '../../connectors/event-log.ts'
import type { RawRecord } from '../../connectors/raw-record.ts'
import { jsonOf } from '../../core/json.ts'
import type { Source } from '../../dataflow/source.ts'
import { DeadPost, rawLimit } from '../../text/dead-post.ts'
import { applyFieldMap, type FieldMap } from '../../text/field-map.ts'

/** The records of a topic as rows: through a map, or as they are. Positions are the topic's offsets. */
export const topicRows = (log: EventLog, topic: string, untilEnd: boolean, map: FieldMap | undefined) =>
  rowsOf(log.source(topic, { untilEnd }), (record) => {
    const origin = originOf(topic, record)
    return map === undefined
      ? { kind: 'record', value: record.value, origin }
      : mapped(map, topic, record, record.value, origin)
  })

/** What the dead topic holds now, as the rows they were. One that was cut because of its size stays dead. */
export const deadRows = (log: EventLog, topic: string, map: FieldMap | undefined) =>
  rowsOf(log.source(topic, { untilEnd: true }), (record) => {
    const dead = DeadPost.safeParse(jsonOf(record.value))
    if (!dead.success) return bad('is no dead post of ours', record.value, originOf(topic, record))
    const { raw, rawBytes, origin } = dead.data
    const bytes = Buffer.from(raw, 'base64')
    if (bytes.length < rawBytes)
      return { ...bad(`only ${bytes.length} of its bytes were kept`, bytes, origin), rawBytes }
    return map === undefined ? { kind: 'record', value: bytes, origin } : mapped(map, topic, record, bytes, origin)
  })

function rowsOf(
  records: Source<LogRecord, number>,
  toRow: (record: LogRecord) => RawRecord,
): Source<RawRecord, number> {
  return {
    name: records.name,
    assignments: (signal) => records.assignments(signal),
    async open(partition, from, signal) {
      const reader = await records.open(partition, from, signal)
      return {
        next: async (max) => (await reader.next(max))?.map(toRow),
        position: () => reader.position(),
        [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
      }
    },
  }
}

function mapped(map: FieldMap, topic: string, record: LogRecord, value: Uint8Array, origin: string): RawRecord {
  const result = applyFieldMap(map, { ...record, topic, value })
  return 'reason' in result
    ? bad(result.reason, value, origin)
    : { kind: 'record', value: result.row, raw: value, origin }
}

const bad = (reason: string, value: Uint8Array, origin: string): RawRecord & { readonly kind: 'bad' } => ({
  kind: 'bad',
  reason,
  raw: value.subarray(0, rawLimit),
  rawBytes: value.length,
  origin,
})

const originOf = (topic: string, { partition, offset }: LogRecord): string =>
  `topic ${topic} partition ${partition} offset ${offset}`
