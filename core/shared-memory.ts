/** A copy that all threads can read; the very memory, where the content fills a shared one already. */
export function inSharedMemory(content: Uint8Array): SharedArrayBuffer {
  const { buffer } = content
  if (buffer instanceof SharedArrayBuffer && buffer.byteLength === content.byteLength) return buffer
  const shared = new SharedArrayBuffer(content.byteLength)
  new Uint8Array(shared).set(content)
  return shared
}
