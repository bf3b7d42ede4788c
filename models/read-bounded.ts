import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** A graph past 2 GiB is no protobuf message, and no other file of a model is near it. */
export const mostFileBytes = 2 ** 31 - 1

/**
 * Reads a file that somebody else made: not one that is no file, such as a pipe that never ends, and none that is too large.
 *
 * @throws Error saying what is wrong
 */
export async function readBounded(path: string, mostBytes = mostFileBytes): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new Error('it is not a regular file')
    if (stats.size > mostBytes) throw new Error(`it has ${stats.size} bytes, more than ${mostBytes}`)
    return await file.readFile()
  } finally {
    await file.close()
  }
}
