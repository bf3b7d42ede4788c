import { expect, test } from 'vitest'
import { murmur2, partitionOf } from './partitioner.ts'

// The values that Kafka's own clients are tested with, as signed 32-bit integers.
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('%s hashes as it does in Kafka', (key, hash) => {
  expect(murmur2(Buffer.from(key)) | 0).toBe(hash)
})

test('a partition is the hash without its sign bit, modulo the partitions', () => {
  expect(partitionOf(Buffer.from('foobar'), 7)).toBe((-790332482 & 0x7fffffff) % 7)
})
