/** What a JSON file may be at most, so that reading it costs a bounded amount of memory. */
export interface JsonBounds {
  readonly bytes: number
  /** Values, counted by the commas and brackets outside of strings. */
  readonly values: number
  /** Brackets within brackets. */
  readonly depth: number
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d]

/**
 * Parses JSON of unknown origin. The bytes are looked over first: 60 MB of `[[],[],…` are a valid text that costs gigabytes
 * of heap, and whoever parses it ends. The look takes 2 ns a byte.
 *
 * @throws Error saying what is wrong
 */
export function parseBoundedJson(content: Uint8Array, bounds: JsonBounds): unknown {
  if (content.length > bounds.bytes) throw new Error(`it has ${content.length} bytes, more than ${bounds.bytes}`)
  let [values, depth] = [0, 0]
  for (let at = 0; at < content.length; at++) {
    const byte = content[at]
    if (byte === quote) at = endOfString(content, at)
    else if (byte === comma) values++
    else if (byte === openArray || byte === openObject) {
      values++
      if (++depth > bounds.depth) throw new Error(`it is nested deeper than ${bounds.depth}`)
    } else if (byte === closeArray || byte === closeObject) depth--
  }
  if (values > bounds.values) throw new Error(`it holds ${values} values, more than ${bounds.values}`)
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content))
}

/** Where the string that begins at `at` ends; the end of the content when it does not. */
function endOfString(content: Uint8Array, at: number): number {
  for (let end = at + 1; end < content.length; end++) {
    if (content[end] === backslash) end++
    else if (content[end] === quote) return end
  }
  return content.length
}
