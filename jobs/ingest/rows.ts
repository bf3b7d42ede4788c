import type { RawRecord } from '../../connectors/raw-record.ts'
import type { Clock } from '../../core/clock.ts'
import type { Reader, Source } from '../../dataflow/source.ts'
import { type ParseOptions, parsePost } from '../../text/parse-post.ts'
import type { Post } from '../../text/post.ts'

/** A record after parsing. */
export type Row =
  | { readonly kind: 'post'; readonly post: Post }
  | {
      readonly kind: 'dead'
      readonly reason: string
      readonly origin: string
      readonly raw: Uint8Array
      readonly rawBytes: number
      readonly deadAt: number
    }

export interface RowOptions extends Pick<ParseOptions, 'source' | 'hashAuthor'> {
  readonly clock: Clock
  /**
   * Records in which an id may come only once: a post whose id also came among so many records before it is dead. 0 for
   * sources whose ids cannot repeat.
   */
  readonly repeatWindow: number
}

/** How far back a file's rows are compared by id. */
export const repeatWindow = 100_000

/**
 * A source's records as posts and dead rows, one for one, so positions stay the same.
 *
 * Whether an id repeats depends on the `repeatWindow` records before alone. A reader that is opened in the middle reads
 * those again first, and so it decides as if it had never stopped; keeping the ids in each checkpoint would write 2 MB a
 * time instead.
 */
export function rowSource(records: Source<RawRecord, number>, options: RowOptions): Source<Row, number> {
  return {
    name: records.name,
    assignments: (signal) => records.assignments(signal),
    async open(partition, from = 0, signal) {
      const start = Math.max(0, from - options.repeatWindow)
      const reader = await records.open(partition, start === 0 ? undefined : start, signal)
      return rowReader(reader, start, from, options)
    },
  }
}

function rowReader(
  reader: Reader<RawRecord, number>,
  start: number,
  from: number,
  options: RowOptions,
): Reader<Row, number> {
  const ids = new RecentIds(options.repeatWindow)
  let at = start

  const rowOf = (record: RawRecord, nowMs: number): Row => {
    const row = parse(record, nowMs, options)
    const index = at++
    if (record.kind === 'bad' || row.kind === 'dead' || options.repeatWindow === 0) return row
    const seen = ids.see(row.post.id, index, record.origin)
    if (seen === undefined) return row
    const reason = `repeated id, already seen at ${shortOrigin(seen, record.origin)}`
    return deadRow(record.raw ?? record.value, reason, record.origin, nowMs)
  }

  return {
    async next(max) {
      while (at < from) {
        const known = await reader.next(Math.min(max, from - at))
        if (known === undefined) return undefined // the source has become shorter
        if (known.length === 0) return []
        const nowMs = options.clock.now()
        for (const record of known) rowOf(record, nowMs)
      }
      const records = await reader.next(max)
      if (records === undefined) return undefined
      const nowMs = options.clock.now()
      return records.map((record) => rowOf(record, nowMs))
    },
    // Only a source that is read again from before its position counts its rows here.
    position: () => (options.repeatWindow === 0 ? reader.position() : Math.max(at, from)),
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  }
}

function parse(record: RawRecord, nowMs: number, { source, hashAuthor }: RowOptions): Row {
  if (record.kind === 'bad') {
    const { reason, origin, raw, rawBytes } = record
    return { kind: 'dead', reason, origin, raw, rawBytes, deadAt: nowMs }
  }
  const { post, reason } = parsePost(record.value, { source, hashAuthor, nowMs })
  return post === undefined ? deadRow(record.raw ?? record.value, reason, record.origin, nowMs) : { kind: 'post', post }
}

function deadRow(value: unknown, reason: string, origin: string, deadAt: number): Row {
  const raw = value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value) ?? '')
  return { kind: 'dead', reason, origin, raw, rawBytes: raw.length, deadAt }
}

/** "line 7" when both are lines of one file. */
function shortOrigin(seen: string, origin: string): string {
  const line = /^(.*) (line \d+)$/
  const [, where, at] = line.exec(seen) ?? []
  return at !== undefined && where === line.exec(origin)?.[1] ? at : seen
}

/** Ids of the last records, each with the last place it was seen at; the map's order is that of the places. */
class RecentIds {
  readonly #window: number
  readonly #seen = new Map<string, { readonly index: number; readonly origin: string }>()

  constructor(window: number) {
    this.#window = window
  }

  /** @returns where the id was seen before, within the window */
  see(id: string, index: number, origin: string): string | undefined {
    const before = this.#seen.get(id)
    if (before !== undefined) this.#seen.delete(id)
    this.#seen.set(id, { index, origin })
    if (this.#seen.size > 1.1 * this.#window) this.#forget(index - this.#window)
    return before !== undefined && before.index >= index - this.#window ? before.origin : undefined
  }

  #forget(before: number): void {
    for (const [id, { index }] of this.#seen) {
      if (index >= before) break
      this.#seen.delete(id)
    }
  }
}
