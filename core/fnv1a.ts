/**
 * FNV-1a of the text's UTF-8 bytes: quick, the same on every machine and for ever, and no protection against an adversary.
 * Its low bits are weak (the lowest is the parity of the bytes' lowest bits): mix the high ones in before taking few bits.
 *
 * @returns 32 bits, from 0 to 2³² − 1
 * @see RFC 9923
 */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
