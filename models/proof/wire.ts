/** A field of a protobuf message: its number, and its value as a number, or where its bytes are. */
export interface Field {
  readonly no: number
  /** The value of a varint (−1 for any negative one); the length of everything else. */
  readonly value: number
  /** Content of a length-delimited or fixed field; empty for a varint. */
  readonly bytes: Uint8Array
  readonly kind: 'varint' | 'fixed64' | 'bytes' | 'fixed32'
}

const nothing = new Uint8Array(0)

/**
 * The fields of a protobuf message in their order, as views of its bytes: nothing is copied and nothing is allocated for what
 * the file only claims to hold.
 *
 * @throws Error where the bytes are no message: cut off, or with a wire type that proto3 does not have
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++]
      if (byte === undefined) throw new Error('a number is cut off')
      if (shift === 63) return -1 // the tenth byte holds the sign
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new Error('a number has more than 64 bits')
  }
  const take = (length: number): Uint8Array => {
    if (length < 0 || at + length > message.length) {
      throw new Error(`a field claims ${length} bytes where ${message.length - at} are left`)
    }
    at += length
    return message.subarray(at - length, at)
  }
  while (at < message.length) {
    const tag = varint()
    const no = Math.floor(tag / 8)
    if (tag < 8) throw new Error('a field has the number 0')
    switch (tag % 8) {
      case 0:
        yield { no, kind: 'varint', value: varint(), bytes: nothing }
        break
      case 1:
        yield { no, kind: 'fixed64', value: 8, bytes: take(8) }
        break
      case 2: {
        const bytes = take(varint())
        yield { no, kind: 'bytes', value: bytes.length, bytes }
        break
      }
      case 5:
        yield { no, kind: 'fixed32', value: 4, bytes: take(4) }
        break
      default:
        throw new Error(`a field has the wire type ${tag % 8}`)
    }
  }
}

/** Numbers of a repeated field, whether it is packed or not. */
export function* numbersOf(field: Field): Generator<number> {
  if (field.kind === 'varint') {
    yield field.value
    return
  }
  let value = 0
  let shift = 0
  for (const byte of field.bytes) {
    value += (byte & 0x7f) * 2 ** shift
    shift += 7
    if (byte < 0x80) {
      yield shift > 63 ? -1 : value
      value = shift = 0
    } else if (shift > 63) throw new Error('a number has more than 64 bits')
  }
  if (shift > 0) throw new Error('a number is cut off')
}

/** How many varints a packed field holds. */
export function countNumbers(field: Field): number {
  if (field.kind === 'varint') return 1
  let count = 0
  for (const byte of field.bytes) if (byte < 0x80) count++
  return count
}
