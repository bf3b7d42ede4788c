import { isUtf8 } from 'node:buffer'
import { CsvError, parse } from 'csv-parse/sync'
import { rawLimit } from '../../text/dead-post.ts'
import { isBlank, type Line, lineLimit } from './lines.ts'

/** What a CSV file is cut into; a blank line inside a quoted field is part of its row. `line` is that of the first line. */
export type CsvItem =
  | { readonly kind: 'blank' }
  | { readonly kind: 'row'; readonly line: number; readonly cells: readonly string[] }
  | {
      readonly kind: 'bad'
      readonly line: number
      readonly reason: string
      readonly raw: Buffer
      readonly rawBytes: number
    }

const quote = 0x22

const notUtf8 = 'is not UTF-8'
const neverEnds = 'a quoted field begins here and never ends'

const faults: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: neverEnds,
  INVALID_OPENING_QUOTE: 'a quote stands inside a field that does not begin with one',
  CSV_INVALID_CLOSING_QUOTE: 'a quoted field goes on after its closing quote',
}

/**
 * Cuts lines into CSV records (RFC 4180). Where a record ends is decided here, by counting quotes, and csv-parse reads one
 * record at a time: so one missing quote costs one line. When a record over several lines turns out faulty, or a quoted
 * field finds no end within 1 MiB, only its first line is bad, and the next is tried as the start of a record.
 */
export class CsvSplitter {
  readonly #delimiter: string
  #lines: Line[] = []
  /** Lines of `#lines` looked at, whether a quote is open after them, and their bytes. */
  #seen = 0
  #open = false
  #bytes = 0

  constructor(delimiter: string) {
    this.#delimiter = delimiter
  }

  *push(line: Line): Generator<CsvItem, void, undefined> {
    this.#lines.push(line)
    yield* this.#cut(false)
  }

  end(): Generator<CsvItem, void, undefined> {
    return this.#cut(true)
  }

  *#cut(atEnd: boolean): Generator<CsvItem, void, undefined> {
    let first = 0
    while (first < this.#lines.length) {
      const item = this.#next(first, atEnd)
      if (item === undefined) break
      yield item.item
      first += item.lines
      this.#seen = 0
      this.#open = false
      this.#bytes = 0
    }
    if (first > 0) this.#lines.splice(0, first)
  }

  /** The record that begins at line `first`, or `undefined` when its end is still to come. */
  #next(first: number, atEnd: boolean): { readonly item: CsvItem; readonly lines: number } | undefined {
    const start = this.#lines[first] as Line
    if (start.overlong) return badLine(start, `the line is too long: ${start.size} bytes, ${lineLimit} are allowed`)
    if (this.#seen === 0 && isBlank(start)) return { item: { kind: 'blank' }, lines: 1 }
    while (first + this.#seen < this.#lines.length) {
      const line = this.#lines[first + this.#seen] as Line
      this.#seen++
      this.#bytes += line.size
      if (line.overlong || this.#bytes > lineLimit) return this.#unclosed(start)
      if (oddQuotes(line.bytes)) this.#open = !this.#open
      if (!this.#open) return this.#record(start, this.#lines.slice(first, first + this.#seen))
    }
    return atEnd ? this.#unclosed(start) : undefined
  }

  #record(start: Line, lines: readonly Line[]) {
    const raw = lines.length === 1 ? start.bytes : joined(lines)
    const cells = isUtf8(raw) ? this.#parse(raw) : notUtf8
    if (typeof cells === 'string') return lines.length === 1 ? badLine(start, cells) : this.#unclosed(start)
    return { item: { kind: 'row', line: start.number, cells } as const, lines: lines.length }
  }

  /** What is wrong with a line that leaves a quote open, for all that follows it. */
  #unclosed(start: Line) {
    const cells = isUtf8(start.bytes) ? this.#parse(start.bytes) : notUtf8
    return badLine(start, typeof cells === 'string' ? cells : neverEnds)
  }

  /** @returns the cells, or what is wrong with the quotes */
  #parse(record: Buffer): readonly string[] | string {
    try {
      const options = { delimiter: this.#delimiter, record_delimiter: '\n', relax_column_count: true }
      const [cells] = parse(record, options) as string[][]
      return cells ?? []
    } catch (error) {
      if (!(error instanceof CsvError)) throw error
      return faults[error.code] ?? error.message
    }
  }
}

const badLine = ({ number, bytes, size }: Line, reason: string) => ({
  item: { kind: 'bad', line: number, reason, raw: bytes.subarray(0, rawLimit), rawBytes: size } as const,
  lines: 1,
})

function joined(lines: readonly Line[]): Buffer {
  const last = lines.length - 1
  return Buffer.concat(lines.flatMap(({ bytes, ending }, at) => (at === last ? [bytes] : [bytes, Buffer.from(ending)])))
}

function oddQuotes(bytes: Buffer): boolean {
  let odd = false
  for (let at = bytes.indexOf(quote); at !== -1; at = bytes.indexOf(quote, at + 1)) odd = !odd
  return odd
}

const delimiters = [',', ';', '\t', '|'] as const

/** The delimiter that a header line holds most of. */
export function delimiterOf(header: Buffer): string {
  const text = header.toString()
  const counts = delimiters.map((delimiter) => ({ delimiter, count: text.split(delimiter).length }))
  return counts.reduce((most, next) => (next.count > most.count ? next : most)).delimiter
}
