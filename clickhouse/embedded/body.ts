import { createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { ClickHouseException } from './exception.ts'

/** Longest statement, and most of the body that is kept in memory while its statement is looked for. */
const headBytes = 1 << 20
/** Largest body, unpacked: it lies in a file until the engine has read it. */
const largestBody = 4 * 2 ** 30

/** A request's body, unpacked: its first bytes, and the rest still to come. */
export class Body {
  /** Up to `headBytes`, all of it when the body is no longer. */
  readonly head: Buffer
  /** Whether `head` is all there is. */
  readonly complete: boolean
  readonly #rest: AsyncIterator<Buffer>

  private constructor(head: Buffer, complete: boolean, rest: AsyncIterator<Buffer>) {
    this.head = head
    this.complete = complete
    this.#rest = rest
  }

  static async begin(message: IncomingMessage): Promise<Body> {
    const source: AsyncIterator<Buffer> = unpacked(message)[Symbol.asyncIterator]()
    const chunks: Buffer[] = []
    for (let bytes = 0; bytes < headBytes; ) {
      const { done, value } = await source.next()
      if (done === true) return new Body(Buffer.concat(chunks), true, source)
      chunks.push(value)
      bytes += value.length
    }
    return new Body(Buffer.concat(chunks), false, source)
  }

  /** Everything, for bodies that must be in memory. @throws ClickHouseException when it is longer than `headBytes` */
  whole(): Buffer {
    if (this.complete) return this.head
    throw ClickHouseException.raise('TOO_LARGE_STRING_SIZE', `Statement is longer than ${headBytes} bytes.`, 413)
  }

  /** Writes `first` and what follows the head to a private file, as fast as it comes. */
  async spool(first: Buffer, file: string, signal: AbortSignal): Promise<void> {
    if (this.complete) {
      await writeFile(file, first, { flag: 'wx', mode: 0o600, signal })
      return
    }
    const rest = this.#rest
    async function* bytes(): AsyncGenerator<Buffer> {
      yield first
      for (;;) {
        const { done, value } = await rest.next()
        if (done === true) return
        yield value
      }
    }
    await pipeline(bytes, createWriteStream(file, { flags: 'wx', mode: 0o600 }), { signal })
  }
}

function unpacked(message: IncomingMessage): Readable {
  const encoding = message.headers['content-encoding'] ?? 'identity'
  const fail = (error: Error) => output.destroy(error)
  let bytes = 0
  const output = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes <= largestBody) done(null, chunk)
      else done(ClickHouseException.raise('TOO_LARGE_STRING_SIZE', `Body is larger than ${largestBody} bytes.`, 413))
    },
  })
  message.on('error', fail)
  if (encoding === 'identity') return message.pipe(output)
  const unpack = decompressor(encoding)
  unpack.on('error', (error) => {
    fail(ClickHouseException.raise('BAD_ARGUMENTS', `Body is not valid ${encoding}: ${error.message}`))
  })
  return message.pipe(unpack).pipe(output)
}

function decompressor(encoding: string): Transform {
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip()
  if (encoding === 'deflate') return createInflate()
  if (encoding === 'br') return createBrotliDecompress()
  throw ClickHouseException.raise('NOT_IMPLEMENTED', `Unknown Content-Encoding: ${encoding}. Use gzip, deflate or br.`)
}
