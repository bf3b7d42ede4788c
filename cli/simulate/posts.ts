import { demoRecord } from '../../connectors/demo.ts'
import { fileSource, formatOf } from '../../connectors/files.ts'
import type { RawRecord } from '../../connectors/raw-record.ts'
import { DriftlineError } from '../../core/errors.ts'
import { parsePost } from '../../text/parse-post.ts'
import type { ReplayPost } from './change.ts'

export interface FilePosts {
  readonly posts: readonly ReplayPost[]
  /** Rows that are no posts. */
  readonly bad: number
}

const rowsPerRead = 1000

const parse = (record: RawRecord, source: string): ReplayPost | undefined => {
  if (record.kind === 'bad') return undefined
  const { post } = parsePost(record.value, { source, hashAuthor: () => 'somebody', nowMs: 0 })
  if (post === undefined) return undefined
  const { id, text, label, lang } = post
  return { id, text, label: label ?? undefined, source: post.source, lang: lang ?? undefined }
}

/**
 * The posts of a file, in its order.
 *
 * @throws DriftlineError `SOURCE_UNAVAILABLE`; `USAGE` when its name tells no format, or it holds no posts
 */
export async function postsOf(path: string): Promise<FilePosts> {
  const format = formatOf(path)
  if (format === undefined) {
    throw new DriftlineError('USAGE', { reason: `the name of ${path} tells no format: .jsonl or .csv, perhaps .gz` })
  }
  const reader = await fileSource(path, format).open('0', undefined, new AbortController().signal)
  const posts: ReplayPost[] = []
  let bad = 0
  try {
    for (
      let records = await reader.next(rowsPerRead);
      records !== undefined;
      records = await reader.next(rowsPerRead)
    ) {
      for (const record of records) {
        const post = parse(record, 'file')
        if (post === undefined) bad++
        else posts.push(post)
      }
    }
  } finally {
    await reader[Symbol.asyncDispose]()
  }
  if (posts.length === 0) throw new DriftlineError('USAGE', { reason: `${path} holds no posts; ${bad} rows are none` })
  return { posts, bad }
}

/** Posts of the made-up stream, from the first on. */
export const madeUpPosts = (count: number, seed: number): ReplayPost[] =>
  Array.from({ length: count }, (_, n) => parse(demoRecord(n, { seed, rate: 1 }, 0), 'demo') ?? []).flat()
