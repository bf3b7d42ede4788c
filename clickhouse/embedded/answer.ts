import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import { constants, createDeflate, createGzip } from 'node:zlib'
import type { Statistics } from './engine.ts'
import { type ClickHouseException, httpStatus } from './exception.ts'

/** Bytes of a result that wait until it is clear that the statement did not fail at once. */
const heldBytes = 64 * 1024
/** The same for `wait_end_of_query`; a longer result is streamed all the same. */
const heldUntilEndBytes = 64 * 1024 * 1024

export interface AnswerOptions {
  readonly queryId: string
  readonly timezone: string
  readonly waitForEnd: boolean
  readonly compress: boolean
}

/**
 * One HTTP answer. Its status and headers are settled as late as possible, so that a failure has the right status; one
 * that comes later is appended the way ClickHouse does it, where clients look for it.
 */
export class Answer {
  readonly #response: ServerResponse
  readonly #headers: Record<string, string>
  readonly #encoding: 'gzip' | 'deflate' | undefined
  readonly #limit: number
  readonly #tag = randomBytes(8).toString('hex')
  #held: Buffer[] = []
  #heldBytes = 0
  #out: Writable | undefined

  constructor(message: IncomingMessage, response: ServerResponse, options: AnswerOptions) {
    this.#response = response
    this.#limit = options.waitForEnd ? heldUntilEndBytes : heldBytes
    this.#encoding = options.compress ? encodingOf(message) : undefined
    this.#headers = {
      'X-ClickHouse-Query-Id': options.queryId,
      'X-ClickHouse-Timezone': options.timezone,
      'X-ClickHouse-Server-Display-Name': 'driftline',
      'X-ClickHouse-Exception-Tag': this.#tag,
    }
  }

  set format(name: string) {
    this.#headers['X-ClickHouse-Format'] = name
    this.#headers['Content-Type'] = contentType(name)
  }

  /** Resolves when more can be taken. */
  async write(chunk: Buffer): Promise<void> {
    if (this.#out !== undefined) {
      await this.#send(this.#out, chunk)
      return
    }
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes > this.#limit) await this.#flush(this.#begin(200))
  }

  async end(statistics: Statistics, written = 0): Promise<void> {
    this.#headers['X-ClickHouse-Summary'] = summary(statistics, written)
    const out = this.#out ?? this.#begin(200)
    await this.#flush(out)
    out.end()
  }

  async fail(exception: ClickHouseException): Promise<void> {
    if (this.#response.destroyed) return
    if (this.#out !== undefined) {
      const text = `${exception.message}\n`
      const block = `\r\n__exception__\r\n${this.#tag}\r\n${text}${Buffer.byteLength(text)} ${this.#tag}\r\n__exception__\r\n`
      this.#out.end(block)
      return
    }
    this.#held = []
    this.#headers['X-ClickHouse-Exception-Code'] = String(exception.code)
    this.#headers['Content-Type'] = 'text/plain; charset=UTF-8'
    if (httpStatus(exception) === 401) this.#headers['WWW-Authenticate'] = 'Basic realm="ClickHouse server HTTP API"'
    this.#begin(httpStatus(exception)).end(`${exception.message}\n`)
  }

  #begin(status: number): Writable {
    const encoded = this.#encoding === undefined ? {} : { 'Content-Encoding': this.#encoding }
    this.#response.writeHead(status, { ...this.#headers, ...encoded })
    this.#out = this.#encoding === undefined ? this.#response : compressor(this.#encoding)
    if (this.#out !== this.#response) this.#out.pipe(this.#response)
    return this.#out
  }

  async #flush(out: Writable): Promise<void> {
    const held = this.#held
    this.#held = []
    for (const chunk of held) await this.#send(out, chunk)
  }

  async #send(out: Writable, chunk: Buffer): Promise<void> {
    if (out.write(chunk) || this.#response.destroyed) return
    const given = new AbortController()
    const gone = () => given.abort()
    this.#response.once('close', gone)
    try {
      await once(out, 'drain', { signal: given.signal })
    } catch (error) {
      if (!given.signal.aborted) throw error
    } finally {
      this.#response.off('close', gone)
    }
  }
}

function encodingOf(message: IncomingMessage): 'gzip' | 'deflate' | undefined {
  const accepted = String(message.headers['accept-encoding'] ?? '')
  if (/\bgzip\b/.test(accepted)) return 'gzip'
  return /\bdeflate\b/.test(accepted) ? 'deflate' : undefined
}

/** Level 3, as a server's default: twice as fast as 6 for a few per cent more bytes. */
const compressor = (encoding: 'gzip' | 'deflate') =>
  encoding === 'gzip'
    ? createGzip({ level: 3, flush: constants.Z_NO_FLUSH })
    : createDeflate({ level: 3, flush: constants.Z_NO_FLUSH })

function summary({ rows, bytes, elapsedNs }: Statistics, written: number): string {
  const counts = written > 0 ? { read_rows: 0, read_bytes: 0 } : { read_rows: rows, read_bytes: bytes }
  const all = { ...counts, written_rows: written, written_bytes: written > 0 ? bytes : 0, total_rows_to_read: 0 }
  const result = { result_rows: written > 0 ? written : rows, result_bytes: bytes, elapsed_ns: elapsedNs }
  return JSON.stringify({ ...all, ...result }, (_key, value) => (typeof value === 'number' ? String(value) : value))
}

function contentType(format: string): string {
  if (/^JSON(?:Strings)?EachRow|^JSONCompact(?:Strings)?EachRow/.test(format))
    return 'application/x-ndjson; charset=UTF-8'
  if (/^JSON/.test(format)) return 'application/json; charset=UTF-8'
  if (/^(?:TSV|TabSeparated)/.test(format)) return 'text/tab-separated-values; charset=UTF-8'
  if (/^CSV/.test(format)) return `text/csv; charset=UTF-8; header=${format === 'CSV' ? 'absent' : 'present'}`
  if (/^(?:RowBinary|Native|Arrow|Parquet|ORC|Avro|Protobuf|MsgPack|BSON|Npy|RawBLOB)/.test(format)) {
    return 'application/octet-stream'
  }
  return 'text/plain; charset=UTF-8'
}
