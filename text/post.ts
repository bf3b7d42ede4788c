import { z } from 'zod'

/** 1970 to 2105: what ClickHouse's minute functions hold without wrapping around (32 bits of seconds). */
const earliestMs = 0
const latestMs = Date.UTC(2106, 0, 1) - 1

const wellFormed = (value: string): boolean => value.isWellFormed() && !value.includes('\u0000')
const cleanString = (max: number) =>
  z.string().min(1).max(max).refine(wellFormed, { error: 'contains a NUL character or half of a surrogate pair' })

const instant = z
  .union([z.number().int(), z.iso.datetime({ offset: true }).transform((value) => Date.parse(value))], {
    error: 'must be ISO 8601 with a time zone, or epoch milliseconds',
  })
  .refine((ms) => ms >= earliestMs && ms <= latestMs, { error: 'must lie between 1970 and 2105' })

const metaValue = z.union([cleanString(1024).or(z.literal('')), z.number(), z.boolean(), z.null()])

/** One text with an id and a time, as it travels on the topic. Unknown fields are refused so that none is lost unseen. */
export const Post = z.strictObject({
  id: cleanString(256),
  text: cleanString(8192).refine((value) => value.trim() !== '', { error: 'is only white space' }),
  /** Epoch milliseconds. */
  createdAt: instant,
  source: cleanString(64),
  /** ISO 639-1 or a longer BCP 47 tag. */
  lang: cleanString(35).nullish(),
  /** Keyed hash of the author; the name itself never leaves ingest. */
  author: cleanString(256).nullish(),
  /** A known true label, for replays. */
  label: cleanString(64).nullish(),
  meta: z.record(z.string().min(1).max(64).refine(wellFormed), metaValue).nullish(),
})

export type Post = z.infer<typeof Post>
