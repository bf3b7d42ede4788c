import { z } from 'zod'

/** 1970 to 2105: what ClickHouse's minute functions hold without wrapping around (32 bits of seconds). */
const earliestMs = 0
const latestMs = Date.UTC(2106, 0, 1) - 1

const mostMetaFields = 64

const nameOf = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`

const grouped = (value: number): string => value.toLocaleString('en-US')

const expected = (what: string) => (issue: { readonly input?: unknown }) =>
  issue.input === undefined ? 'is missing' : `must be ${what}, got ${nameOf(issue.input)}`

/** Messages continue a sentence that begins with the field's name: "id must have 1 to 256 characters, got 300". */
function cleanString(min: number, max: number) {
  const length = {
    error: (issue: { readonly input?: unknown }) =>
      issue.input === ''
        ? 'is empty'
        : `must have ${min} to ${grouped(max)} characters, got ${grouped(String(issue.input).length)}`,
  }
  return z
    .string({ error: expected('a string') })
    .min(min, { ...length, abort: true })
    .max(max, length)
    .refine((value) => !value.includes('\u0000'), { error: 'contains a NUL character', abort: true })
    .refine((value) => value.isWellFormed(), { error: 'contains half of a surrogate pair' })
}

const when = (ms: number): string => {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `${ms} ms` : `year ${date.getUTCFullYear()}`
}

const instant = z
  .union(
    [
      z
        .number()
        .refine(Number.isInteger, { error: ({ input }) => `must be whole milliseconds since 1970, got ${input}` }),
      z.iso.datetime({ offset: true }).transform((value) => Date.parse(value)),
    ],
    {
      error: (issue) =>
        issue.input === undefined
          ? 'is missing'
          : typeof issue.input === 'string' || typeof issue.input === 'number'
            ? `must be ISO 8601 with a time zone, or whole milliseconds since 1970, got ${String(issue.input).slice(0, 40)}`
            : `must be ISO 8601 or milliseconds since 1970, got ${nameOf(issue.input)}`,
    },
  )
  .refine((ms) => ms >= earliestMs && ms <= latestMs, {
    error: (issue) => `must lie between 1970 and 2105, got ${when(Number(issue.input))}`,
  })

const metaValue = z.union([cleanString(0, 1024), z.number(), z.boolean(), z.null()], {
  error: (issue) =>
    typeof issue.input === 'string'
      ? 'must be well-formed text of at most 1,024 characters'
      : `must be a string, a number, true, false or null, got ${nameOf(issue.input)}`,
})

const metaName = z
  .string()
  .min(1)
  .max(64)
  .refine((name) => name.isWellFormed() && name !== '__proto__')

/** One text with an id and a time, as it travels on the topic. Unknown fields are refused so that none is lost unseen. */
export const Post = z.strictObject(
  {
    id: cleanString(1, 256),
    text: cleanString(1, 8192).refine((value) => value.trim() !== '', { error: 'is only white space' }),
    /** Epoch milliseconds. */
    createdAt: instant,
    source: cleanString(1, 64),
    /** ISO 639-1 or a longer BCP 47 tag. */
    lang: cleanString(1, 35).nullish(),
    /** Keyed hash of the author; the name itself never leaves ingest. */
    author: cleanString(1, 256).nullish(),
    /** A known true label, for replays; null or absent when nobody knows it. */
    label: cleanString(1, 64).nullish(),
    meta: z
      .record(metaName, metaValue, {
        error: (issue) =>
          issue.code === 'invalid_key'
            ? 'field names must have 1 to 64 characters, and not be __proto__'
            : `must be a flat object, got ${nameOf(issue.input)}`,
      })
      .refine((meta) => Object.keys(meta).length <= mostMetaFields, {
        error: `may hold ${mostMetaFields} fields at most`,
      })
      .nullish(),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? `must be an object, got ${nameOf(issue.input)}` : undefined) },
)

export type Post = z.infer<typeof Post>

/** What is wrong, as a sentence that a person who wrote the row understands. The first three problems are named. */
export function whyNotAPost(error: z.ZodError): string {
  const byField = new Map<string, string>() // one that fails two checks is told once
  for (const { path, message } of error.issues) {
    const field = path.join('.') || 'the post'
    if (!byField.has(field)) byField.set(field, `${field} ${message}`)
  }
  const sentences = [...byField.values()]
  const more = sentences.length - 3
  return [...sentences.slice(0, 3), ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
}
