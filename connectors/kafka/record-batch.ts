import { DriftlineError } from '../../core/errors.ts'
import type { LogRecord } from '../event-log.ts'
import { Reader, Writer } from './codec.ts'
import { type Compression, compress, compressions, decompress } from './compression.ts'
import { crc32c } from './crc32c.ts'

/** A record of a batch, with its headers still to be read. */
export interface BatchedRecord extends LogRecord {
  readonly headers: ReadonlyMap<string, Buffer> | undefined
}

export interface NewBatch {
  readonly producer: bigint
  readonly epoch: number
  readonly sequence: number
  readonly nowMs: number
  readonly compression: Compression
  readonly records: readonly {
    readonly key: Uint8Array | null
    /** `null` takes a key back (a "tombstone"). */
    readonly value: Uint8Array | null
    /** One header, `ours`. */
    readonly mark: Uint8Array | undefined
  }[]
}

/** Where the fixed part of a batch holds what, and where its records begin. */
const layout = { length: 8, magic: 16, crc: 17, attributes: 21, records: 61 } as const
const lengthCovers = 12 // the length counts from behind itself
const magic = 2
const controlBit = 0x20
const transactionalBit = 0x10
const logAppendTimeBit = 0x08

/** The name of the header in which a producer counts its records. */
export const markHeader = 'driftline'
const markName = Buffer.from(markHeader)

/** Bytes that a batch and a record cost beside key and value, at most. */
export const batchOverhead = layout.records
export const recordOverhead = 5 + 1 + 10 + 5 + 5 + 5 + 1 + 1 + markName.length + 1 + 16

/** Encodes a batch in the format of Kafka 0.11 and later. */
export function encodeBatch({ producer, epoch, sequence, nowMs, compression, records }: NewBatch): Buffer {
  const body = new Writer(
    records.reduce((sum, { key, value }) => sum + recordOverhead + (key?.length ?? 0) + (value?.length ?? 0), 0),
  )
  for (const [index, { key, value, mark }] of records.entries()) {
    const keyBytes = key === null ? lengthOf(-1) : lengthOf(key.length) + key.length
    const valueBytes = value === null ? lengthOf(-1) : lengthOf(value.length) + value.length
    const markBytes =
      mark === undefined ? 0 : lengthOf(markName.length) + markName.length + lengthOf(mark.length) + mark.length
    body.signed(1 + lengthOf(0) + lengthOf(index) + keyBytes + valueBytes + lengthOf(0) + markBytes)
    body.i8(0).signed(0).signed(index)
    if (key === null) body.signed(-1)
    else body.signed(key.length).raw(key)
    if (value === null) body.signed(-1)
    else body.signed(value.length).raw(value)
    if (mark === undefined) body.signed(0)
    else body.signed(1).signed(markName.length).raw(markName).signed(mark.length).raw(mark)
  }
  const compressed = compress(compression, body.done())
  const batch = new Writer(layout.records + compressed.length)
  batch.i64(0).i32(layout.records - lengthCovers + compressed.length)
  batch.i32(-1).i8(magic).u32(0)
  batch.i16(compressions.indexOf(compression)).i32(records.length - 1)
  batch.i64(nowMs).i64(nowMs).big64(producer).i16(epoch).i32(sequence)
  batch.i32(records.length).raw(compressed)
  const bytes = batch.done()
  bytes.writeUInt32BE(crc32c(bytes.subarray(layout.attributes)), layout.crc)
  return bytes
}

/** Bytes of a number as `Writer.signed` writes it. */
const lengthOf = (value: number): number => {
  let length = 1
  for (let rest = value >= 0 ? 2 * value : -2 * value - 1; rest > 0x7f; rest = Math.floor(rest / 128)) length++
  return length
}

export interface DecodedBatches {
  /** From `from` on, without what transactions took back and without control records. */
  readonly records: readonly BatchedRecord[]
  /** The offset behind the last complete batch, whatever it held; `from` when there was none. */
  readonly next: number
}

export interface DecodeOptions {
  readonly partition: number
  /** Batches may begin before what was asked for. */
  readonly from: number
  readonly aborted: readonly { readonly producer: bigint; readonly from: number }[]
  readonly withHeaders?: boolean
}

/**
 * Decodes what a fetch returned of one partition. The last batch may be cut off; it comes again with the next fetch.
 *
 * @throws DriftlineError `SOURCE_UNAVAILABLE` for a format from before Kafka 0.11, or a compression nobody knows
 */
export function decodeBatches(bytes: Buffer, options: DecodeOptions): DecodedBatches {
  const { partition, from, withHeaders = false } = options
  const aborting = new AbortedTransactions(options.aborted)
  const records: BatchedRecord[] = []
  let next = from
  for (let at = 0; at + lengthCovers <= bytes.length; ) {
    const end = at + lengthCovers + bytes.readInt32BE(at + layout.length)
    if (end > bytes.length) break
    const version = bytes[at + layout.magic]
    if (version !== magic) {
      const reason = `a batch has format ${version}, which is from before Kafka 0.11`
      throw new DriftlineError('SOURCE_UNAVAILABLE', { reason, partition })
    }
    const header = new Reader(bytes, at)
    const base = header.i64()
    header.raw(13)
    const attributes = header.i16()
    const last = base + header.i32()
    const [firstMs, maxMs] = [header.i64(), header.i64()]
    const producer = header.big64()
    header.raw(6)
    const count = header.i32()
    const isControl = (attributes & controlBit) !== 0
    const body = bytes.subarray(at + layout.records, end)
    at = end
    if (last < from) continue
    next = last + 1
    if (isControl) {
      aborting.ended(producer)
      continue
    }
    if ((attributes & transactionalBit) !== 0 && aborting.holds(producer, base)) continue
    const reader = new Reader(decompress(attributes & 0x07, body))
    for (let index = 0; index < count; index++) {
      const length = reader.signed()
      const stop = reader.at + length
      reader.i8()
      const appendedAtMs = firstMs + reader.signed()
      const offset = base + reader.signed()
      if (offset < from) {
        reader.raw(stop - reader.at)
        continue
      }
      const key = optional(reader)
      const value = optional(reader)
      const headers = withHeaders ? readHeaders(reader) : undefined
      if (reader.at < stop) reader.raw(stop - reader.at)
      records.push({
        partition,
        offset,
        appendedAtMs: (attributes & logAppendTimeBit) !== 0 ? maxMs : appendedAtMs,
        key: key === null ? null : key.toString(),
        value: value ?? nothing,
        headers,
      })
    }
  }
  return { records, next }
}

const nothing = Buffer.alloc(0)

function optional(reader: Reader): Buffer | null {
  const length = reader.signed()
  return length < 0 ? null : reader.raw(length)
}

function readHeaders(reader: Reader): ReadonlyMap<string, Buffer> {
  const headers = new Map<string, Buffer>()
  for (let count = reader.signed(); count > 0; count--) {
    const name = reader.raw(reader.signed()).toString()
    headers.set(name, optional(reader) ?? nothing)
  }
  return headers
}

/** Which producers' records belong to a transaction that was taken back, while batches go by in offset order. */
class AbortedTransactions {
  readonly #pending: { readonly producer: bigint; readonly from: number }[]
  readonly #open = new Set<bigint>()

  constructor(aborted: DecodeOptions['aborted']) {
    this.#pending = [...aborted].sort((a, b) => a.from - b.from)
  }

  holds(producer: bigint, offset: number): boolean {
    for (let first = this.#pending[0]; first !== undefined && first.from <= offset; first = this.#pending[0]) {
      this.#open.add(first.producer)
      this.#pending.shift()
    }
    return this.#open.has(producer)
  }

  ended(producer: bigint): void {
    this.#open.delete(producer)
  }
}
