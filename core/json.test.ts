import { expect, test } from 'vitest'
import { jsonOf } from './json.ts'

test('text and bytes, also those inside a larger buffer, are read; what is not JSON is undefined', () => {
  const bytes = Buffer.from('x{"a":"é😀"}x')
  expect(jsonOf('{"a":[1,null]}')).toEqual({ a: [1, null] })
  expect(jsonOf(new Uint8Array(bytes.subarray(1, -1)))).toEqual({ a: 'é😀' })
  expect(jsonOf(bytes.subarray(1, -1))).toEqual({ a: 'é😀' })
  expect(['', '{', '{"a":1}x', 'undefined', 'NaN'].map(jsonOf)).toEqual(Array(5).fill(undefined))
  expect(jsonOf(Buffer.of(0x22, 0xff, 0x22))).toBe('\ufffd')
})
