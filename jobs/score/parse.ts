import type { LogRecord } from '../../connectors/event-log.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import { applyFieldMap, type FieldMap } from '../../text/field-map.ts'
import { parsePost } from '../../text/parse-post.ts'
import { Post, whyNotAPost } from '../../text/post.ts'

/** A record of the topic after parsing: the post, or why it is none. */
export interface Parsed {
  readonly record: LogRecord
  readonly post: Post | DriftlineError
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Other producers may write to the topic too, so what ingest has checked is checked again here, at our own edge. */
export function parseRecord(record: LogRecord): Parsed {
  try {
    const post = Post.safeParse(JSON.parse(utf8.decode(record.value)))
    if (post.success) return { record, post: post.data }
    return { record, post: new DriftlineError('POST_INVALID', { reason: whyNotAPost(post.error) }) }
  } catch (error) {
    return { record, post: new DriftlineError('POST_INVALID', { reason: messageOf(error) }, { cause: error }) }
  }
}

/** The same for a topic in somebody else's JSON. */
export const mappedParser =
  (map: FieldMap, topic: string, hashAuthor: (author: string) => string) =>
  (record: LogRecord): Parsed => {
    const mapped = applyFieldMap(map, { ...record, topic })
    const options = { source: topic.slice(0, 64), nowMs: record.appendedAtMs, hashAuthor }
    const { post, reason } =
      'reason' in mapped ? { post: undefined, reason: mapped.reason } : parsePost(mapped.row, options)
    return { record, post: post ?? new DriftlineError('POST_INVALID', { reason }) }
  }
