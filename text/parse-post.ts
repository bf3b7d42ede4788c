import { isUtf8 } from 'node:buffer'
import { messageOf } from '../core/errors.ts'
import { Post, whyNotAPost } from './post.ts'

export interface ParseOptions {
  /** For rows that name neither a source nor a domain: the file, for example. */
  readonly source: string
  /** For rows without a time. */
  readonly nowMs: number
  /** Turns an author into the keyed hash that is kept in its place. */
  readonly hashAuthor: (author: string) => string
}

/** A post, or the reason why a person would not take it for one. */
export type Parsed =
  | { readonly post: Post; readonly reason?: never }
  | { readonly post?: never; readonly reason: string }

/** Names a time goes by in files, in the order in which they are looked for. */
const timeNames = ['createdAt', 'created_at', 'ts', 'timestamp'] as const

/**
 * Reads a row from outside as a post. What differs from `Post`, so that ordinary files need no preparation:
 *
 * - `id`, `label` and `author` may be numbers and are kept as their decimal text; a number beyond 2⁵³ has lost digits and
 *   is refused.
 * - The time may be called `createdAt`, `created_at`, `ts` or `timestamp`; digits in a string are epoch milliseconds.
 *   Without one, or with null, it is the time of ingestion.
 * - Without `source`, `domain` is the source, or else `options.source`.
 * - `label: null` means that nobody knows the true label. An empty string in an optional field is the same as null, because
 *   CSV cannot say null.
 * - Other fields go into `meta`, so that nothing is lost; one that is not flat makes the row dead.
 *
 * @param input a row's bytes (UTF-8 JSON), or a value that was parsed already
 */
export function parsePost(input: unknown, options: ParseOptions): Parsed {
  const row = input instanceof Uint8Array ? parseJson(input) : { value: input }
  if (row.reason !== undefined) return { reason: row.reason }
  const { value } = row
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const kind = Array.isArray(value) ? 'a list' : value === null ? 'null' : `a ${typeof value}`
    return { reason: `a row must be a JSON object, got ${kind}` }
  }
  const fields = readFields(value as Readonly<Record<string, unknown>>, options)
  if (typeof fields === 'string') return { reason: fields }
  const parsed = Post.safeParse(fields)
  return parsed.success ? { post: parsed.data } : { reason: whyNotAPost(parsed.error) }
}

function parseJson(bytes: Uint8Array): { readonly value?: unknown; readonly reason?: string } {
  if (!isUtf8(bytes)) return { reason: 'is not UTF-8' }
  if (bytes.includes(0)) return { reason: 'contains a NUL byte' }
  try {
    return { value: JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) }
  } catch (error) {
    return { reason: `is not JSON: ${messageOf(error).slice(0, 200)}` }
  }
}

const known = new Set(['id', 'text', 'source', 'lang', 'author', 'label', 'meta'])

/** @returns the fields of a post, not yet checked, or a reason */
function readFields(row: Readonly<Record<string, unknown>>, options: ParseOptions): Record<string, unknown> | string {
  const timeName = timeNames.find((name) => !absent(row[name]))
  const domainIsSource = absent(row.source) && typeof row.domain === 'string' && row.domain !== ''
  const meta = new Map<string, unknown>()
  if (!absent(row.meta)) {
    if (typeof row.meta !== 'object' || row.meta === null || Array.isArray(row.meta))
      return 'meta must be a flat object'
    for (const [name, value] of Object.entries(row.meta)) meta.set(name, value)
  }
  for (const [name, value] of Object.entries(row)) {
    if (known.has(name) || name === timeName || (name === 'domain' && domainIsSource)) continue
    if (value === undefined || ((timeNames as readonly string[]).includes(name) && absent(value))) continue
    if (meta.has(name)) return `${name} stands both beside and inside meta`
    meta.set(name, value)
  }
  if (meta.has('__proto__')) return 'a field may not be named __proto__'
  const [id, label, author] = [asText(row.id), asText(row.label), asText(row.author)]
  for (const [name, value] of [
    ['id', id],
    ['label', label],
    ['author', author],
  ] as const) {
    if (value === tooPrecise) return `${name} is a number beyond 2^53 and has lost digits: write it as a string`
  }
  const fields: Record<string, unknown> = {
    id,
    text: row.text,
    createdAt: timeName === undefined ? options.nowMs : asInstant(row[timeName]),
    source: domainIsSource ? row.domain : absent(row.source) ? options.source : row.source,
  }
  if (!absent(row.lang)) fields.lang = row.lang
  if (!absent(label)) fields.label = label
  if (typeof author === 'string' && author !== '') fields.author = options.hashAuthor(author)
  else if (!absent(author)) fields.author = author
  if (meta.size > 0) fields.meta = Object.fromEntries(meta)
  return fields
}

const absent = (value: unknown): boolean => value === undefined || value === null || value === ''

const tooPrecise = Symbol('a number that JSON could not hold')

/** A number becomes its decimal text; anything else stays for the schema to judge. */
const asText = (value: unknown): unknown =>
  typeof value !== 'number'
    ? value
    : Number.isInteger(value) && !Number.isSafeInteger(value)
      ? tooPrecise
      : String(value)

const asInstant = (value: unknown): unknown =>
  typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
