import { rawLimit } from '../../text/dead-post.ts'
import type { RawRecord } from '../raw-record.ts'
import { CsvSplitter, delimiterOf } from './csv.ts'
import { Corrupt, inflate } from './inflate.ts'
import { isBlank, type Line, LineSplitter, lineLimit } from './lines.ts'

export const formats = ['jsonl', 'csv'] as const
export type Format = (typeof formats)[number]

/** What was read so far, for the progress line. */
export interface ReadStats {
  /** Of the file, before decompression. */
  bytes: number
  blankLines: number
}

/** Lines to records. `push` may hold lines back until it knows where a record ends. */
interface Cutter {
  push(line: Line): Iterable<RawRecord>
  end(): Iterable<RawRecord>
}

/**
 * Cuts a file into records, in groups as large as one read. Nothing in it is an error: what cannot be cut is a bad record.
 *
 * @param name what origins begin with, such as `file posts.jsonl`
 */
export async function* cut(
  input: AsyncIterable<Buffer>,
  format: Format,
  name: string,
  stats: ReadStats,
): AsyncGenerator<readonly RawRecord[], void, undefined> {
  const splitter = new LineSplitter()
  const cutter = format === 'csv' ? csvCutter(name, stats) : jsonLinesCutter(name, stats)
  const records = function* (lines: Iterable<Line>) {
    for (const line of lines) yield* cutter.push(line)
  }
  try {
    for await (const data of inflate(counted(input, stats))) {
      const group = [...records(splitter.push(data))]
      if (group.length > 0) yield group
    }
  } catch (error) {
    if (!(error instanceof Corrupt)) throw error
    yield [...cutter.end(), cutOff(name, error, splitter.end())]
    return
  }
  const last = splitter.end()
  yield [...records(last === undefined ? [] : [last]), ...cutter.end()]
}

async function* counted(input: AsyncIterable<Buffer>, stats: ReadStats): AsyncGenerator<Buffer, void, undefined> {
  for await (const data of input) {
    stats.bytes += data.length
    yield data
  }
}

/** The half line before the cut belongs to the record that tells of it. */
function cutOff(name: string, { message }: Corrupt, rest: Line | undefined): RawRecord {
  const raw = rest?.bytes.subarray(0, rawLimit) ?? Buffer.alloc(0)
  const origin = rest === undefined ? `${name} at its end` : `${name} line ${rest.number}`
  return { kind: 'bad', reason: `${message}; everything before it was read`, raw, rawBytes: rest?.size ?? 0, origin }
}

function jsonLinesCutter(name: string, stats: ReadStats): Cutter {
  return {
    *push(line) {
      const origin = `${name} line ${line.number}`
      if (line.overlong) {
        const reason = `the line is too long: ${line.size} bytes, ${lineLimit} are allowed`
        yield { kind: 'bad', reason, raw: line.bytes, rawBytes: line.size, origin }
      } else if (isBlank(line)) stats.blankLines++
      else yield { kind: 'record', value: line.bytes, origin }
    },
    end: () => [],
  }
}

function csvCutter(name: string, stats: ReadStats): Cutter {
  let splitter: CsvSplitter | undefined
  let header: readonly string[] | undefined
  let unreadable = false

  function* take(items: ReturnType<CsvSplitter['push']>): Generator<RawRecord, void, undefined> {
    for (const item of items) {
      if (unreadable) return
      if (item.kind === 'blank') {
        stats.blankLines++
        continue
      }
      const origin = `${name} line ${item.line}`
      if (header === undefined) {
        const fault = item.kind === 'bad' ? item.reason : headerFault(item.cells)
        if (item.kind === 'row' && fault === undefined) header = item.cells.map((cell) => cell.trim())
        else {
          unreadable = true
          const reason = `the header cannot be used, so no row was read: ${fault}`
          const raw = item.kind === 'bad' ? item.raw : Buffer.from(item.cells.join(',')).subarray(0, rawLimit)
          yield { kind: 'bad', reason, raw, rawBytes: item.kind === 'bad' ? item.rawBytes : raw.length, origin }
        }
      } else if (item.kind === 'bad') {
        yield { kind: 'bad', reason: item.reason, raw: item.raw, rawBytes: item.rawBytes, origin }
      } else if (item.cells.length !== header.length) {
        const raw = Buffer.from(JSON.stringify(item.cells))
        const reason = `wrong number of columns: ${item.cells.length}, the header has ${header.length}`
        yield { kind: 'bad', reason, raw: raw.subarray(0, rawLimit), rawBytes: raw.length, origin }
      } else {
        const names = header
        yield { kind: 'record', value: Object.fromEntries(item.cells.map((cell, at) => [names[at], cell])), origin }
      }
    }
  }

  return {
    *push(line) {
      if (splitter === undefined && isBlank(line)) {
        stats.blankLines++
        return
      }
      splitter ??= new CsvSplitter(delimiterOf(line.bytes))
      yield* take(splitter.push(line))
    },
    *end() {
      if (splitter !== undefined) yield* take(splitter.end())
    },
  }
}

function headerFault(cells: readonly string[]): string | undefined {
  const names = cells.map((cell) => cell.trim())
  const repeated = names.find((name, at) => names.indexOf(name) !== at)
  if (names.includes('')) return 'a column has no name'
  return repeated === undefined ? undefined : `it names the column ${JSON.stringify(repeated)} twice`
}
