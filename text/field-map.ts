import { DriftlineError, messageOf } from '../core/errors.ts'
import { jsonOf } from '../core/json.ts'

/** Fields of a post that a map may fill; anything else goes to `meta.<name>`. */
const fields = ['id', 'text', 'createdAt', 'source', 'lang', 'author', 'label'] as const
type Field = (typeof fields)[number] | `meta.${string}`

/** What is known of a record beside its JSON: `@key`, `@topic`, `@partition`, `@offset`, `@timestamp` and the text itself, `@value`. */
export interface RecordFacts {
  readonly key: string | null
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly appendedAtMs: number
  readonly value: Uint8Array
}

const facts = ['key', 'topic', 'partition', 'offset', 'timestamp', 'value'] as const
type Fact = (typeof facts)[number]

/** How a number or a text tells the time. `auto`: ISO 8601, RFC 2822 and what else a date is written as, or milliseconds. */
const timeFormats = { auto: 1, ms: 1, s: 1000, us: 1 / 1000, ns: 1 / 1_000_000 } as const
type TimeFormat = keyof typeof timeFormats

interface Rule {
  readonly field: Field
  readonly from: { readonly fact: Fact } | { readonly path: readonly string[] }
  readonly time: TimeFormat
  readonly spec: string
}

/** How somebody else's JSON becomes a row that `parsePost` reads. */
export interface FieldMap {
  readonly rules: readonly Rule[]
}

/**
 * Reads `id=data.id_str,text=data.text,createdAt=data.at:s,meta.likes=stats.likes`. A path goes through objects by name and
 * lists by number; `\.` and `\,` stand for themselves. Without `id` it is topic, partition and offset; without `createdAt`
 * the record's own time.
 *
 * @throws DriftlineError `CONFIG_INVALID`
 */
export function parseFieldMap(spec: string): FieldMap {
  const refuse = (reason: string) => new DriftlineError('CONFIG_INVALID', { reason: `map: ${reason}` })
  const rules = split(spec, ',').map((part): Rule => {
    const [, field = '', path = '', time = 'auto'] = /^([^=]+)=(.+?)(?::(auto|ms|s|us|ns))?$/.exec(part.trim()) ?? []
    if (!isField(field)) {
      throw refuse(`${JSON.stringify(part)} is not <field>=<path>, with a field of ${fields.join(', ')} or meta.<name>`)
    }
    if (!path.startsWith('@')) {
      return {
        field,
        from: { path: split(path, '.').map((step) => step.replace(/\\(.)/g, '$1')) },
        time: time as TimeFormat,
        spec: part.trim(),
      }
    }
    const fact = facts.find((known) => `@${known}` === path)
    if (fact === undefined) throw refuse(`${path} is none of ${facts.map((known) => `@${known}`).join(', ')}`)
    return { field, from: { fact }, time: time as TimeFormat, spec: part.trim() }
  })
  const twice = rules.find(({ field }, index) => rules.some((other, at) => at < index && other.field === field))
  if (twice !== undefined) throw refuse(`${twice.field} is mapped twice`)
  if (!rules.some(({ field }) => field === 'text')) throw refuse('text is not mapped')
  return { rules }
}

const isField = (name: string): name is Field =>
  fields.some((field) => field === name) || /^meta\.[^.]{1,64}$/.test(name)

/** At separators that no backslash precedes. */
const split = (text: string, separator: ',' | '.'): string[] =>
  text
    .split(separator === ',' ? /(?<!\\),/ : /(?<!\\)\./)
    .map((part) => (separator === ',' ? part.replace(/\\,/g, ',') : part))

/** A row for `parsePost`, or why there is none. */
export type Mapped = { readonly row: Readonly<Record<string, unknown>> } | { readonly reason: string }

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What the map does not name is left out. */
export function applyFieldMap({ rules }: FieldMap, record: RecordFacts): Mapped {
  const needsJson = rules.some(({ from }) => 'path' in from)
  let json: unknown
  let text = ''
  try {
    text = utf8.decode(record.value)
    if (needsJson) json = JSON.parse(text)
  } catch (error) {
    return { reason: record.value.length === 0 ? 'has no value' : `is not JSON: ${messageOf(error).slice(0, 200)}` }
  }
  const row: Record<string, unknown> = {
    id: `${record.topic}/${record.partition}/${record.offset}`,
    createdAt: record.appendedAtMs,
  }
  const meta = new Map<string, unknown>()
  for (const { field, from, time } of rules) {
    const found = 'fact' in from ? factOf(from.fact, record, text) : at(json, from.path)
    if (found === undefined || found === null) continue
    if (field.startsWith('meta.')) meta.set(field.slice('meta.'.length), found)
    else row[field] = field === 'createdAt' ? instant(found, time) : found
  }
  if (meta.size > 0) row.meta = Object.fromEntries(meta)
  return { row }
}

function factOf(fact: Fact, record: RecordFacts, text: string): unknown {
  if (fact === 'value') return text
  return fact === 'timestamp' ? record.appendedAtMs : record[fact]
}

/** What lies at a path; `undefined` when there is nothing. */
function at(json: unknown, path: readonly string[]): unknown {
  let found = json
  for (const step of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined
    found = (found as Readonly<Record<string, unknown>>)[step]
  }
  return found
}

/** Milliseconds since the epoch, or what was there, for the schema to refuse. */
function instant(found: unknown, format: TimeFormat): unknown {
  const isNumber = typeof found === 'number' || (typeof found === 'string' && /^\d+(\.\d+)?$/.test(found))
  if (isNumber) return Math.round(Number(found) * timeFormats[format])
  const parsed = typeof found === 'string' ? Date.parse(found) : Number.NaN
  return Number.isNaN(parsed) ? found : parsed
}

export interface SampleReport {
  readonly records: number
  readonly posts: number
  /** For each rule: how it was given, and in how many records something was found. */
  readonly rules: readonly { readonly rule: string; readonly found: number }[]
  /** Names at the top of the JSON that no rule reads, the most frequent first. */
  readonly unused: readonly string[]
  /** Why records became no posts, with how many. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[]
}

/** What a map makes of a sample. @param whyNot why a row is no post, `undefined` for one that is */
export function judgeSample(
  map: FieldMap,
  sample: readonly RecordFacts[],
  whyNot: (row: Readonly<Record<string, unknown>>, record: RecordFacts) => string | undefined,
): SampleReport {
  const found = new Map(map.rules.map(({ spec }) => [spec, 0]))
  const unused = new Map<string, number>()
  const reasons = new Map<string, number>()
  const used = new Set(map.rules.flatMap(({ from }) => ('path' in from ? [from.path[0]] : [])))
  const count = <Key>(counts: Map<Key, number>, key: Key) => counts.set(key, (counts.get(key) ?? 0) + 1)
  let posts = 0
  for (const record of sample) {
    const mapped = applyFieldMap(map, record)
    if ('reason' in mapped) {
      count(reasons, mapped.reason)
      continue
    }
    const json = jsonOf(record.value)
    for (const { from, spec } of map.rules) if ('fact' in from || at(json, from.path) != null) count(found, spec)
    if (typeof json === 'object' && json !== null)
      for (const name of Object.keys(json)) if (!used.has(name)) count(unused, name)
    const reason = whyNot(mapped.row, record)
    if (reason === undefined) posts++
    else count(reasons, reason)
  }
  const byCount = <Key>(counts: Map<Key, number>) => [...counts].sort((a, b) => b[1] - a[1])
  return {
    records: sample.length,
    posts,
    rules: [...found].map(([rule, n]) => ({ rule, found: n })),
    unused: byCount(unused).map(([name]) => name),
    reasons: byCount(reasons).map(([reason, n]) => ({ reason, count: n })),
  }
}
