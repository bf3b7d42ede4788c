/**
 * Kafka's primitive types: big-endian integers, strings and arrays with a length before them. The `compact` ones belong to
 * the newer, "flexible" versions of a request: lengths are unsigned variable-length integers, plus one so that 0 is null.
 */
export class Writer {
  #buffer: Buffer
  #length = 0

  constructor(capacity = 512) {
    this.#buffer = Buffer.allocUnsafe(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** What was written; shares memory with the writer. */
  done(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  i8(value: number): this {
    const at = this.#take(1) // may replace the buffer
    this.#buffer.writeInt8(value, at)
    return this
  }

  i16(value: number): this {
    const at = this.#take(2) // may replace the buffer
    this.#buffer.writeInt16BE(value, at)
    return this
  }

  i32(value: number): this {
    const at = this.#take(4) // may replace the buffer
    this.#buffer.writeInt32BE(value, at)
    return this
  }

  u32(value: number): this {
    const at = this.#take(4) // may replace the buffer
    this.#buffer.writeUInt32BE(value, at)
    return this
  }

  /** @param value a safe integer */
  i64(value: number): this {
    const high = Math.floor(value / 2 ** 32)
    const at = this.#take(8)
    this.#buffer.writeInt32BE(high, at)
    this.#buffer.writeUInt32BE(value - high * 2 ** 32, at + 4)
    return this
  }

  big64(value: bigint): this {
    const at = this.#take(8) // may replace the buffer
    this.#buffer.writeBigInt64BE(value, at)
    return this
  }

  bool(value: boolean): this {
    return this.i8(value ? 1 : 0)
  }

  raw(bytes: Uint8Array): this {
    const at = this.#take(bytes.length)
    this.#buffer.set(bytes, at)
    return this
  }

  string(value: string | null): this {
    if (value === null) return this.i16(-1)
    const bytes = Buffer.from(value)
    return this.i16(bytes.length).raw(bytes)
  }

  bytes(value: Uint8Array | null): this {
    if (value === null) return this.i32(-1)
    return this.i32(value.length).raw(value)
  }

  array<Item>(items: readonly Item[], write: (item: Item) => void): this {
    this.i32(items.length)
    for (const item of items) write(item)
    return this
  }

  unsigned(value: number): this {
    let rest = value
    const at = this.#take(varintLength(value))
    let next = at
    while (rest > 0x7f) {
      this.#buffer[next++] = (rest & 0x7f) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.#buffer[next] = rest
    return this
  }

  /** Zigzag: small negative numbers stay short. @param value between -2^52 and 2^52 */
  signed(value: number): this {
    return this.unsigned(value >= 0 ? 2 * value : -2 * value - 1)
  }

  compactString(value: string | null): this {
    if (value === null) return this.unsigned(0)
    const bytes = Buffer.from(value)
    return this.unsigned(bytes.length + 1).raw(bytes)
  }

  compactArray<Item>(items: readonly Item[] | null, write: (item: Item) => void): this {
    this.unsigned(items === null ? 0 : items.length + 1)
    for (const item of items ?? []) write(item)
    return this
  }

  /** A flexible structure ends with optional fields; we have none. */
  noTags(): this {
    return this.unsigned(0)
  }

  #take(bytes: number): number {
    const at = this.#length
    this.#length += bytes
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, 2 * this.#buffer.length))
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
    }
    return at
  }
}

const varintLength = (value: number): number => {
  let length = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) length++
  return length
}

/** Reads what `Writer` writes. @throws RangeError past the end */
export class Reader {
  readonly #buffer: Buffer
  #at: number

  constructor(buffer: Buffer, at = 0) {
    this.#buffer = buffer
    this.#at = at
  }

  get at(): number {
    return this.#at
  }

  get left(): number {
    return this.#buffer.length - this.#at
  }

  i8(): number {
    return this.#buffer.readInt8(this.#skip(1))
  }

  i16(): number {
    return this.#buffer.readInt16BE(this.#skip(2))
  }

  i32(): number {
    return this.#buffer.readInt32BE(this.#skip(4))
  }

  u32(): number {
    return this.#buffer.readUInt32BE(this.#skip(4))
  }

  /** Offsets and times, which stay below 2^53. */
  i64(): number {
    const at = this.#skip(8)
    return this.#buffer.readInt32BE(at) * 2 ** 32 + this.#buffer.readUInt32BE(at + 4)
  }

  big64(): bigint {
    return this.#buffer.readBigInt64BE(this.#skip(8))
  }

  bool(): boolean {
    return this.i8() !== 0
  }

  /** Shares memory with the buffer. */
  raw(length: number): Buffer {
    const at = this.#skip(length)
    if (length < 0 || at + length > this.#buffer.length) throw new RangeError(`${length} bytes at ${at} are not there`)
    return this.#buffer.subarray(at, at + length)
  }

  string(): string | null {
    const length = this.i16()
    return length < 0 ? null : this.raw(length).toString()
  }

  bytes(): Buffer | null {
    const length = this.i32()
    return length < 0 ? null : this.raw(length)
  }

  array<Item>(read: () => Item): Item[] {
    return this.#items(this.i32(), read)
  }

  unsigned(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#buffer[this.#skip(1)]
      if (byte === undefined) throw new RangeError('a number ends in the middle')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }

  signed(): number {
    const value = this.unsigned()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  compactString(): string | null {
    const length = this.unsigned() - 1
    return length < 0 ? null : this.raw(length).toString()
  }

  compactBytes(): Buffer | null {
    const length = this.unsigned() - 1
    return length < 0 ? null : this.raw(length)
  }

  compactArray<Item>(read: () => Item): Item[] {
    return this.#items(this.unsigned() - 1, read)
  }

  /** Fields that came after this version of the request. */
  skipTags(): void {
    for (let fields = this.unsigned(); fields > 0; fields--) {
      this.unsigned()
      this.raw(this.unsigned())
    }
  }

  #items<Item>(count: number, read: () => Item): Item[] {
    const items: Item[] = []
    for (let index = 0; index < count; index++) items.push(read())
    return items
  }

  #skip(bytes: number): number {
    const at = this.#at
    this.#at += bytes
    return at
  }
}
