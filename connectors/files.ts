import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Readable } from 'node:stream'
import { type Clock, systemClock } from '../core/clock.ts'
import { DriftlineError, messageOf } from '../core/errors.ts'
import type { Reader, Source } from '../dataflow/source.ts'
import { cut, type Format, type ReadStats } from './files/cut.ts'
import type { RawRecord } from './raw-record.ts'

export { type Format, formats } from './files/cut.ts'

const waitMs = 100
const readBytes = 256 * 1024

export interface FileSource extends Source<RawRecord, number> {
  readonly stats: Readonly<ReadStats>
}

/**
 * A file of JSON Lines or CSV with a header, plain or gzip. It has one partition, and its position is the number of records
 * given out: gzip cannot seek, so resuming reads the file again up to there.
 *
 * What cannot be cut into a record comes as a bad record; only a file that cannot be read at all is an error.
 */
export function fileSource(path: string, format: Format): FileSource {
  const stats: ReadStats = { bytes: 0, blankLines: 0 }
  const name = `file ${basename(path)}`
  return {
    name,
    stats,
    async *assignments() {
      yield ['0']
    },
    async open(_, from = 0) {
      Object.assign(stats, { bytes: 0, blankLines: 0 })
      return recordReader(cut(readFile(path), format, name, stats), from)
    },
  }
}

/**
 * Rows from a stream that can be read once, such as standard input, which is destroyed when its reader is closed.
 *
 * @throws DriftlineError `STREAM_BROKEN` when it fails, or is to be opened again
 */
export function streamSource(input: Readable, name: string, format: Format, clock?: Clock): FileSource {
  const stats: ReadStats = { bytes: 0, blankLines: 0 }
  let opened = false
  return {
    name,
    stats,
    async *assignments() {
      yield ['0']
    },
    async open(_, from = 0) {
      if (opened || from > 0) throw new DriftlineError('STREAM_BROKEN', { source: name, reason: 'it was read before' })
      opened = true
      return recordReader(cut(readStream(input, name), format, name, stats), 0, () => input.destroy(), clock)
    },
  }
}

async function* readStream(input: Readable, name: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const data of input) yield data as Buffer
  } catch (error) {
    throw new DriftlineError('STREAM_BROKEN', { source: name, reason: messageOf(error) }, { cause: error })
  }
}

const extensions: Readonly<Record<string, Format>> = {
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'jsonl',
  '.csv': 'csv',
  '.tsv': 'csv',
}

/** The format that a file's name promises, with or without `.gz`. */
export function formatOf(path: string): Format | undefined {
  const match = /(\.[a-z]+)(?:\.gz)?$/.exec(basename(path).toLowerCase())
  return extensions[match?.[1] ?? '']
}

/**
 * Tells one file's content from another's by its first 64 KiB, so that a position in a file is not used for another one of
 * the same name. A file that only grew stays the same.
 *
 * @throws DriftlineError `SOURCE_UNAVAILABLE`
 */
export async function fingerprint(path: string): Promise<string> {
  try {
    if (statSync(path).isDirectory()) throw new Error('it is a folder')
    await using file = await open(path)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, 0)
    return createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex').slice(0, 16)
  } catch (error) {
    throw unreadable(path, error)
  }
}

const unreadable = (path: string, error: unknown) =>
  new DriftlineError('SOURCE_UNAVAILABLE', { path, reason: messageOf(error) }, { cause: error })

async function* readFile(path: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const data of createReadStream(path, { highWaterMark: readBytes })) yield data as Buffer
  } catch (error) {
    throw unreadable(path, error)
  }
}

/**
 * @param from records to read and leave out
 * @param close makes a read that waits come to an end
 */
function recordReader(
  groups: AsyncGenerator<readonly RawRecord[], void, undefined>,
  from: number,
  close: () => void = () => {},
  clock: Clock = systemClock,
): Reader<RawRecord, number> {
  let pending: Promise<IteratorResult<readonly RawRecord[], void>> | undefined
  let group: readonly RawRecord[] = []
  let at = 0
  let given = 0
  let ended = false

  /** @returns false when nothing came in time */
  async function fetchGroup(): Promise<boolean> {
    pending ??= groups.next()
    const timeout = new AbortController()
    const late = clock.sleep(waitMs, timeout.signal).then(
      () => undefined,
      () => undefined,
    )
    const result = await Promise.race([pending, late])
    timeout.abort()
    if (result === undefined) return false
    group = result.done === true ? [] : result.value
    at = 0
    ended = result.done === true
    // The next group is read and decompressed on other threads while this one is used.
    pending = ended ? undefined : groups.next()
    pending?.catch(() => {}) // thrown again when it is asked for
    return true
  }

  return {
    async next(max) {
      for (;;) {
        const skipped = Math.min(group.length - at, from - given)
        if (skipped > 0) {
          at += skipped
          given += skipped
        }
        if (at < group.length) {
          const items = group.slice(at, at + max)
          at += items.length
          given += items.length
          return items
        }
        if (ended) return undefined
        if (!(await fetchGroup())) return []
      }
    },
    position: () => Math.max(given, from),
    async [Symbol.asyncDispose]() {
      close()
      await pending?.catch(() => {}) // nobody wants it any more, nor its failure
      await groups.return()
    },
  }
}
