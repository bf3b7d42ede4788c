import { expect, test } from 'vitest'
import { fnv1a } from './fnv1a.ts'

test.each([
  // The authors' vectors: http://www.isthe.com/chongo/src/fnv/test_fnv.c, `fnv1a_32_vector`.
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['b', 0xe70c2de5],
  ['c', 0xe60c2c52],
  ['d', 0xe10c2473],
  ['e', 0xe00c22e0],
  ['f', 0xe30c2799],
  ['fo', 0x6222e842],
  ['foo', 0xa9f37ed7],
  ['foob', 0x3f5076ef],
  ['fooba', 0x39aaa18a],
  ['foobar', 0xbf9cf968],
  ['chongo was here!\n', 0xd49930d5],
])('%j has the hash that its authors publish', (text, hash) => {
  expect(fnv1a(text)).toBe(hash)
})

test('beyond ASCII the bytes of UTF-8 are hashed', () => {
  // One by one by the definition: hash = (hash ^ byte) · 16777619 mod 2³².
  const bytes = [0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80]
  const byDefinition = bytes.reduce((hash, byte) => ((hash ^ BigInt(byte)) * 16777619n) % 2n ** 32n, 2166136261n)
  expect(fnv1a('é😀')).toBe(Number(byDefinition))
})
