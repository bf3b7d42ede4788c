import { z } from 'zod'
import { type LabelOrigin, labelOrigins } from '../clickhouse/rows/labels.ts'
import type { RawRecord } from '../connectors/raw-record.ts'
import { messageOf } from '../core/errors.ts'

/** One answer as a file gives it. */
export interface GivenLabel {
  readonly postId: string
  readonly label: string
  /** `undefined` where the row does not say, here and below. */
  readonly by: string | undefined
  readonly atMs: number | undefined
  readonly probability: number | undefined
  readonly note: string
  readonly origin: LabelOrigin | undefined
  /** Used when nothing else knows the post. */
  readonly text: string | undefined
  readonly eventAtMs: number | undefined
  /** Where the row stands, such as `file labels.csv line 7`. */
  readonly place: string
}

export type ReadLabel =
  | { readonly kind: 'answer'; readonly answer: GivenLabel }
  /** A row without a label: a stream may hold many. */
  | { readonly kind: 'unlabelled' }
  | { readonly kind: 'refused'; readonly place: string; readonly reason: string }

const latestMs = Date.UTC(2106, 0, 1) - 1

/** CSV has only strings and cannot say null. */
const absent = (value: unknown) => (value === null || value === '' ? undefined : value)
const optional = <T extends z.ZodType>(schema: T) => z.preprocess(absent, schema.optional())

const words = (most: number) =>
  z
    .string({ error: 'must be text' })
    .max(most, { error: `may have ${most} characters at most` })
    .refine((value) => value.isWellFormed() && !value.includes('\u0000'), { error: 'is not well-formed text' })
const asText = (value: unknown) => (typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value)
const id = z.preprocess((value) => asText(absent(value)), words(256).min(1).optional())
const instant = z
  .preprocess(
    (value) => (typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value),
    z.union([z.int(), z.iso.datetime({ offset: true }).transform((value) => Date.parse(value))], {
      error: 'must be ISO 8601 with a time zone, or whole milliseconds since 1970',
    }),
  )
  .refine((ms) => ms >= 0 && ms <= latestMs, { error: 'must lie between 1970 and 2105' })
const probability = z.coerce
  .number({ error: 'must be a number' })
  .refine((value) => value > 0 && value <= 1, { error: 'must be above 0 and at most 1' })

const Row = z
  .object({
    id,
    post_id: id,
    label: z.preprocess((value) => asText(absent(value)), words(64).optional()),
    by: optional(words(64)),
    labelled_by: optional(words(64)),
    at: optional(instant),
    labelled_at: optional(instant),
    probability: optional(probability),
    selection_probability: optional(probability),
    note: optional(words(1024)),
    origin: z.enum(labelOrigins).optional().catch(undefined), // another program's word for something else
    text: optional(words(8192)),
    createdAt: optional(instant),
    ts: optional(instant),
  })
  .refine((row) => row.id !== undefined || row.post_id !== undefined, {
    error: 'names no post: id or post_id',
    path: ['id'],
  })

/**
 * Reads a row of a file of labels. Columns it does not know are left alone.
 *
 * @param classes that a label may be
 */
export function readLabel(record: RawRecord, classes: readonly string[]): ReadLabel {
  const place = record.origin
  if (record.kind === 'bad') return { kind: 'refused', place, reason: record.reason }
  let value: unknown
  try {
    value = record.value instanceof Uint8Array ? JSON.parse(Buffer.from(record.value).toString('utf8')) : record.value
  } catch (error) {
    return { kind: 'refused', place, reason: `is not JSON: ${messageOf(error).slice(0, 200)}` }
  }
  const parsed = Row.safeParse(value)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(' '))
    return { kind: 'refused', place, reason: [...new Set(problems)].slice(0, 3).join('; ') }
  }
  const row = parsed.data
  if (row.label === undefined) return { kind: 'unlabelled' }
  if (!classes.includes(row.label)) {
    return {
      kind: 'refused',
      place,
      reason: `${JSON.stringify(row.label)} is none of the classes ${classes.join(', ')}`,
    }
  }
  return {
    kind: 'answer',
    answer: {
      postId: row.id ?? row.post_id ?? '',
      label: row.label,
      by: row.by ?? row.labelled_by,
      atMs: row.at ?? row.labelled_at,
      probability: row.probability ?? row.selection_probability,
      note: row.note ?? '',
      origin: row.origin,
      text: row.text,
      eventAtMs: row.createdAt ?? row.ts,
      place,
    },
  }
}
