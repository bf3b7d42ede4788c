/** libuv's threads in the store's process. Each running statement holds one, and reading and writing files needs some. */
export const threads = 64
/** Results read at a time, and statements that write. */
export const readers = 32
export const writers = 16
