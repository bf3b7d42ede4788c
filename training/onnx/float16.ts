/** IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits; subnormals, infinities and NaN included. */

const word = new Float32Array(1)
const bits = new Uint32Array(word.buffer)

/** Rounds to the nearest, ties to even; past 65,504 (by half a unit) it becomes infinite. */
export function toFloat16(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, (value) => {
    word[0] = value
    const from = bits[0] ?? 0
    const sign = (from >>> 16) & 0x8000
    const magnitude = from & 0x7fffffff
    if (magnitude > 0x7f800000) return sign | 0x7e00 // NaN
    if (magnitude >= 0x477ff000) return sign | 0x7c00 // 65,520 and more: infinite
    if (magnitude < 0x38800000) return sign | roundEven(Math.abs(value) * 2 ** 24) // subnormal: multiples of 2⁻²⁴
    const kept = magnitude - 0x38000000 // exponent bias 127 → 15
    return sign | ((kept + 0xfff + ((kept >>> 13) & 1)) >>> 13)
  })
}

export function fromFloat16(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => {
    const [sign, exponent, fraction] = [half & 0x8000 ? -1 : 1, (half >>> 10) & 0x1f, half & 0x3ff]
    if (exponent === 0) return sign * fraction * 2 ** -24
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  })
}

function roundEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
}
