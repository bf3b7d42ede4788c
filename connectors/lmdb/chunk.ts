import type { LogRecord } from '../event-log.ts'

/**
 * Records are stored in chunks of consecutive offsets, one LMDB entry each: reading or deleting a chunk costs one tree
 * look-up instead of one per record. All records of a chunk were appended at the same instant.
 *
 * Layout, little endian: appendedAtMs float64 · count uint32 · per record: keyLength + 1 uint32 (0: no key) · key UTF-8 ·
 * valueLength uint32 · value
 */
export const chunkTargetBytes = 64 * 1024
const headerBytes = 12

export interface EncodedRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array
}

export interface Chunk {
  readonly bytes: Buffer
  readonly count: number
}

/** Cuts records into chunks of about 64 KiB; a larger record is a chunk of its own. */
export function encodeChunks(records: readonly EncodedRecord[], appendedAtMs: number): Chunk[] {
  const chunks: Chunk[] = []
  for (let from = 0; from < records.length; ) {
    let [to, size] = [from, headerBytes]
    for (; to < records.length; to++) {
      const record = records[to] as EncodedRecord
      const added = 8 + (record.key?.length ?? 0) + record.value.length
      if (to > from && size + added > chunkTargetBytes) break
      size += added
    }
    chunks.push({ bytes: encode(records, from, to, size, appendedAtMs), count: to - from })
    from = to
  }
  return chunks
}

function encode(records: readonly EncodedRecord[], from: number, to: number, size: number, appendedAtMs: number) {
  const bytes = Buffer.allocUnsafe(size)
  bytes.writeDoubleLE(appendedAtMs, 0)
  bytes.writeUInt32LE(to - from, 8)
  let at = headerBytes
  for (let index = from; index < to; index++) {
    const { key, value } = records[index] as EncodedRecord
    at = bytes.writeUInt32LE(key === null ? 0 : key.length + 1, at)
    if (key !== null) {
      bytes.set(key, at)
      at += key.length
    }
    at = bytes.writeUInt32LE(value.length, at)
    bytes.set(value, at)
    at += value.length
  }
  return bytes
}

export const chunkHeader = (bytes: Buffer) => ({ appendedAtMs: bytes.readDoubleLE(0), count: bytes.readUInt32LE(8) })

/** Walks a chunk's records. Values are views of `bytes`, not copies. */
export class ChunkCursor {
  readonly #bytes: Buffer
  readonly #partition: number
  readonly #appendedAtMs: number
  readonly #end: number
  #offset: number
  #at = headerBytes

  /** @param first offset of the chunk's first record */
  constructor(bytes: Buffer, partition: number, first: number) {
    const { appendedAtMs, count } = chunkHeader(bytes)
    this.#bytes = bytes
    this.#partition = partition
    this.#appendedAtMs = appendedAtMs
    this.#offset = first
    this.#end = first + count
  }

  /** `undefined` after the last record. */
  next(): LogRecord | undefined {
    if (this.#offset === this.#end) return undefined
    const bytes = this.#bytes
    const keyLength = bytes.readUInt32LE(this.#at) - 1
    const keyAt = this.#at + 4
    const lengthAt = keyAt + Math.max(keyLength, 0)
    const valueAt = lengthAt + 4
    this.#at = valueAt + bytes.readUInt32LE(lengthAt)
    return {
      partition: this.#partition,
      offset: this.#offset++,
      appendedAtMs: this.#appendedAtMs,
      key: keyLength < 0 ? null : bytes.toString('utf8', keyAt, lengthAt),
      value: bytes.subarray(valueAt, this.#at),
    }
  }

  /** Walks past the records before `offset`. */
  skipTo(offset: number): void {
    while (this.#offset < offset && this.next() !== undefined);
  }
}
