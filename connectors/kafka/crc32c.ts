/** Eight tables of the Castagnoli polynomial: table k holds the sums of a byte that k zero bytes follow. */
const tables = makeTables()

function makeTables(): Uint32Array {
  const made = new Uint32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1
    made[byte] = sum
  }
  for (let at = 256; at < made.length; at++) {
    const before = made[at - 256] ?? 0
    made[at] = (before >>> 8) ^ (made[before & 0xff] ?? 0)
  }
  return made
}

/**
 * CRC-32C, which Kafka wants over each record batch and Node does not have (its `zlib.crc32` is another polynomial). Eight
 * bytes at a time ("slicing by 8").
 *
 * @returns an unsigned 32-bit integer
 */
export function crc32c(bytes: Uint8Array): number {
  let sum = 0xffffffff
  let at = 0
  const table = (index: number): number => tables[index] as number
  const byte = (index: number): number => bytes[index] as number
  for (const end = bytes.length - 7; at < end; at += 8) {
    sum ^= byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24)
    sum =
      table(1792 + (sum & 0xff)) ^
      table(1536 + ((sum >>> 8) & 0xff)) ^
      table(1280 + ((sum >>> 16) & 0xff)) ^
      table(1024 + (sum >>> 24)) ^
      table(768 + byte(at + 4)) ^
      table(512 + byte(at + 5)) ^
      table(256 + byte(at + 6)) ^
      table(byte(at + 7))
  }
  for (; at < bytes.length; at++) sum = (sum >>> 8) ^ table((sum ^ byte(at)) & 0xff)
  return (sum ^ 0xffffffff) >>> 0
}
