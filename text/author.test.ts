import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { authorHasher, authorKey } from './author.ts'

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'driftline-author-'))
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

test('the key is made once, 32 bytes that only their owner may read', () => {
  const key = authorKey(data)
  expect(key).toHaveLength(32)
  expect(authorKey(data)).toEqual(key)
  expect(readdirSync(join(data, 'keys'))).toEqual(['author.key'])
  if (process.platform !== 'win32') expect(statSync(join(data, 'keys/author.key')).mode & 0o777).toBe(0o600)
})

test('an author has the same hash under one key and another under another', () => {
  const [one, other] = [authorHasher(Buffer.alloc(32, 1)), authorHasher(Buffer.alloc(32, 2))]
  expect(one('jane')).toBe(one('jane'))
  expect(one('jane')).not.toBe(one('john'))
  expect(one('jane')).not.toBe(other('jane'))
  expect(one('jane')).toMatch(/^[\w-]{43}$/)
})
