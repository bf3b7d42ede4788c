/**
 * What JSON says, or `undefined`, which no schema accepts, for what is not JSON: so that a schema judges both at once.
 *
 * @param source bytes are read as UTF-8
 */
export function jsonOf(source: string | Uint8Array): unknown {
  const text =
    typeof source === 'string' ? source : Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString()
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
