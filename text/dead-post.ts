import { z } from 'zod'
import type { ErrorCode } from '../core/errors.ts'

/** Raw bytes kept of what could not become a post. */
export const rawLimit = 64 * 1024

/** The topic for what could not become a post. */
export const deadTopicOf = (topic: string): string => `${topic}.dead`

/** A record of that topic, as JSON. */
export const DeadPost = z.strictObject({
  /** Which step refused it. */
  stage: z.enum(['ingest', 'score']),
  /** Of the error catalogue. */
  code: z.string(),
  /** A sentence for the person who wrote the row. */
  reason: z.string(),
  /** Such as `file posts.jsonl line 7`. */
  origin: z.string(),
  /** The first 64 KiB, base64. */
  raw: z.base64(),
  /** Size before it was capped. */
  rawBytes: z.int().nonnegative(),
  /** Epoch milliseconds. */
  deadAt: z.int(),
})

export type DeadPost = z.infer<typeof DeadPost>

/** The value of a record for `<posts>.dead`. `raw` is capped here; give its true size in `rawBytes` if it already was. */
export function deadPostRecord(
  fields: Omit<DeadPost, 'raw' | 'rawBytes' | 'code'> & {
    readonly code: ErrorCode
    readonly raw: Uint8Array
    readonly rawBytes?: number
  },
): Buffer {
  const { raw, rawBytes = raw.length, ...rest } = fields
  const kept = Buffer.from(raw.buffer, raw.byteOffset, Math.min(raw.length, rawLimit)).toString('base64')
  return Buffer.from(JSON.stringify({ ...rest, raw: kept, rawBytes } satisfies DeadPost))
}
