const seed = 0x9747b28c
const multiplier = 0x5bd1e995

/**
 * MurmurHash2 (32 bits, by Austin Appleby, public domain) with the seed that Kafka's clients use, so that a key lands in
 * the same partition in the embedded log and in Kafka.
 *
 * @returns an unsigned 32-bit integer
 */
export function murmur2(bytes: Uint8Array): number {
  const words = bytes.length >> 2
  let hash = seed ^ bytes.length
  for (let word = 0; word < words; word++) {
    const at = word << 2
    let block = byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24)
    block = Math.imul(block, multiplier)
    block ^= block >>> 24
    hash = Math.imul(hash, multiplier) ^ Math.imul(block, multiplier)
  }
  const rest = words << 2
  const tail = bytes.length - rest
  if (tail === 3) hash ^= byte(bytes, rest + 2) << 16
  if (tail >= 2) hash ^= byte(bytes, rest + 1) << 8
  if (tail >= 1) hash = Math.imul(hash ^ byte(bytes, rest), multiplier)
  hash ^= hash >>> 13
  hash = Math.imul(hash, multiplier)
  return (hash ^ (hash >>> 15)) >>> 0
}

/** The partition of a key, as Kafka's default partitioner has it: the hash without its sign bit, modulo `partitions`. */
export const partitionOf = (key: Uint8Array, partitions: number): number => (murmur2(key) & 0x7fffffff) % partitions

const byte = (bytes: Uint8Array, index: number): number => bytes[index] ?? 0
