import type { LogRecord } from '../../connectors/event-log.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
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
