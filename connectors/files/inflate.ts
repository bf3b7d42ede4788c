import { createGunzip } from 'node:zlib'
import { messageOf } from '../../core/errors.ts'

/** The compressed bytes ended early or were damaged. What came before was given out. */
export class Corrupt extends Error {
  override readonly name = 'Corrupt'
}

/** Compressed bytes handed to zlib at once: at its best ratio, 1,032:1, they become 33 MiB. */
const stepBytes = 32 * 1024

/**
 * Decompresses gzip when the input begins as gzip does, else passes it through.
 *
 * zlib's stream drops what it has not given out when it fails, so it is fed by hand, one small step at a time, and
 * everything before a fault comes out before `Corrupt` is thrown.
 */
export async function* inflate(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let start: Buffer = Buffer.alloc(0)
  let gunzip: Gunzipper | undefined
  let passing = false
  for await (const data of input) {
    if (passing) {
      yield data
      continue
    }
    const bytes: Buffer = gunzip === undefined ? Buffer.concat([start, data]) : data
    if (gunzip === undefined && bytes.length < 2) {
      start = bytes
      continue
    }
    if (gunzip === undefined && (bytes[0] !== 0x1f || bytes[1] !== 0x8b)) {
      passing = true
      yield bytes
      continue
    }
    gunzip ??= gunzipper()
    for (let at = 0; at < bytes.length; at += stepBytes) yield* gunzip.step(bytes.subarray(at, at + stepBytes))
  }
  if (gunzip !== undefined) yield* gunzip.end()
  else if (!passing && start.length > 0) yield start
}

interface Gunzipper {
  step(bytes: Buffer): AsyncGenerator<Buffer, void, undefined>
  end(): AsyncGenerator<Buffer, void, undefined>
}

function gunzipper(): Gunzipper {
  const stream = createGunzip({ chunkSize: 128 * 1024 })
  const out: Buffer[] = []
  let failure: Error | undefined
  stream.on('data', (data: Buffer) => out.push(data))
  stream.on('error', (error) => {
    failure = error
  })

  function* take() {
    yield* out.splice(0)
    if (failure === undefined) return
    const ended = 'code' in failure && failure.code === 'Z_BUF_ERROR'
    const why = ended ? 'is cut off: it ends in the middle' : `is damaged: ${messageOf(failure)}`
    throw new Corrupt(`the compressed file ${why}`, { cause: failure })
  }

  return {
    async *step(bytes) {
      await new Promise<void>((resolve) => {
        const done = () => {
          stream.off('close', done)
          resolve()
        }
        stream.once('close', done) // a write that fails is never called back
        stream.write(bytes, done)
      })
      yield* take()
    },
    async *end() {
      await new Promise<void>((resolve) => {
        if (stream.closed) resolve()
        stream.once('close', resolve).end()
      })
      yield* take()
    },
  }
}
