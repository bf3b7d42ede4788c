import { createHmac, randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const fileError = z.object({ code: z.string() })

/**
 * The key that authors are hashed with: `<data>/keys/author.key`, 32 random bytes, readable by its owner only, made once.
 * With another key the same author gets another hash, so two installations cannot join their data by author.
 */
export function authorKey(data: string): Buffer {
  const folder = join(data, 'keys')
  const file = join(folder, 'author.key')
  if (existsSync(file)) return readFileSync(file)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const draft = join(folder, `author.key.${process.pid}`)
  const descriptor = openSync(draft, 'w', 0o600)
  try {
    writeSync(descriptor, randomBytes(32))
    fsyncSync(descriptor)
    linkSync(draft, file) // fails if it is there: of two processes that start together, one makes the key
  } catch (error) {
    if (fileError.safeParse(error).data?.code !== 'EEXIST') throw error
  } finally {
    closeSync(descriptor)
    rmSync(draft)
  }
  return readFileSync(file)
}

/** HMAC-SHA256 of the author's name, 43 characters of base64url. */
export const authorHasher =
  (key: Buffer) =>
  (author: string): string =>
    createHmac('sha256', key).update(author).digest('base64url')
