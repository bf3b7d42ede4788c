import * as zlib from 'node:zlib'
import { decompress as unzstd } from 'fzstd'
import { compressFrameSync, decompressFrameSync } from 'lz4-napi'
import { uncompressSync as fromSnappy, compressSync as toSnappy } from 'snappy'
import { DriftlineError } from '../../core/errors.ts'

/** By the number that a record batch carries. */
export const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Compression = (typeof compressions)[number]

/** Node has zstd from 22.15 on; before, it can only be read, with a decoder in JavaScript. */
const { zstdCompressSync, zstdDecompressSync }: Zstd = zlib

interface Zstd extends Pick<typeof zlib, 'gzipSync'> {
  readonly zstdCompressSync?: (bytes: Buffer) => Buffer
  readonly zstdDecompressSync?: (bytes: Buffer) => Buffer
}

export const canWrite = (compression: Compression): boolean => compression !== 'zstd' || zstdCompressSync !== undefined

export function compress(compression: Compression, bytes: Buffer): Buffer {
  switch (compression) {
    case 'none':
      return bytes
    case 'gzip':
      return zlib.gzipSync(bytes, { level: 4 })
    case 'snappy':
      return inBlocks(bytes)
    case 'lz4':
      return compressFrameSync(bytes)
    case 'zstd':
      if (zstdCompressSync === undefined) throw new Error('zstd cannot be written with this version of Node')
      return zstdCompressSync(bytes)
  }
}

/** @param code the low three bits of a batch's attributes @throws DriftlineError `SOURCE_UNAVAILABLE` for an unknown one */
export function decompress(code: number, bytes: Buffer): Buffer {
  switch (compressions[code]) {
    case 'none':
      return bytes
    case 'gzip':
      return zlib.gunzipSync(bytes)
    case 'snappy':
      return fromSnappyBlocks(bytes)
    case 'lz4':
      return decompressFrameSync(bytes)
    case 'zstd':
      return zstdDecompressSync === undefined ? Buffer.from(unzstd(bytes)) : zstdDecompressSync(bytes)
    default:
      throw new DriftlineError('SOURCE_UNAVAILABLE', { reason: `a batch is compressed in an unknown way: ${code}` })
  }
}

/** Java's clients frame snappy: a magic number, two versions, then blocks with a length before each. Others write it bare. */
const snappyMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const snappyHeaderBytes = snappyMagic.length + 8
const snappyBlockBytes = 32 * 1024

function inBlocks(bytes: Buffer): Buffer {
  const header = Buffer.alloc(snappyHeaderBytes)
  snappyMagic.copy(header)
  header.writeInt32BE(1, snappyMagic.length)
  header.writeInt32BE(1, snappyMagic.length + 4)
  const parts: Buffer[] = [header]
  for (let at = 0; at < bytes.length; at += snappyBlockBytes) {
    const block = toSnappy(bytes.subarray(at, at + snappyBlockBytes))
    const length = Buffer.alloc(4)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

function fromSnappyBlocks(bytes: Buffer): Buffer {
  const bare = (block: Buffer) => Buffer.from(fromSnappy(block))
  if (!bytes.subarray(0, snappyMagic.length).equals(snappyMagic)) return bare(bytes)
  const blocks: Buffer[] = []
  for (let at = snappyHeaderBytes; at < bytes.length; ) {
    const length = bytes.readInt32BE(at)
    blocks.push(bare(bytes.subarray(at + 4, at + 4 + length)))
    at += 4 + length
  }
  return Buffer.concat(blocks)
}
