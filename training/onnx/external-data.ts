import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs'
import { isAbsolute, join, posix, relative, sep } from 'node:path'
import { DriftlineError, messageOf } from '../../core/errors.ts'

/** Where a tensor keeps its bytes outside the model file; `length` undefined: to the end of that file. */
export interface ExternalLocation {
  readonly location: string
  readonly offset: number
  readonly length: number | undefined
}

/** Gives the bytes at a location; a model that is parsed from memory alone has none. */
export type ExternalData = (at: ExternalLocation) => Uint8Array

export const noExternalData: ExternalData = ({ location }) => {
  throw new DriftlineError('MODEL_INVALID', { reason: 'the model keeps tensors in another file', location })
}

/** Takes external data from files that were read, and verified, before. */
export const externalDataAmong =
  (files: ReadonlyMap<string, Uint8Array>): ExternalData =>
  (at) => {
    const file = files.get(posix.normalize(at.location))
    if (file === undefined) {
      throw new DriftlineError('MODEL_INVALID', {
        reason: 'external data in a file that the manifest does not name',
        ...at,
      })
    }
    const length = at.length ?? file.length - at.offset
    if (length < 0 || at.offset + length > file.length) {
      throw new DriftlineError('MODEL_INVALID', { reason: 'external data ends too early', ...at, bytes: file.length })
    }
    return file.subarray(at.offset, at.offset + length)
  }

/** Reads external data from the model's directory and from nowhere else: neither `..` nor a link leads out of it. */
export const externalDataIn =
  (directory: string): ExternalData =>
  (at) => {
    const path = pathInside(directory, at.location)
    let file: number | undefined
    try {
      file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)) // a pipe would be waited for
      const stat = fstatSync(file)
      const length = at.length ?? stat.size - at.offset
      if (!stat.isFile() || length < 0 || at.offset + length > stat.size) {
        throw new DriftlineError('MODEL_INVALID', { reason: 'external data ends too early', ...at, bytes: stat.size })
      }
      return readFully(file, at.offset, length)
    } catch (error) {
      if (error instanceof DriftlineError) throw error
      throw new DriftlineError('MODEL_INVALID', { reason: messageOf(error), ...at }, { cause: error })
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }

function pathInside(directory: string, location: string): string {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new DriftlineError('MODEL_INVALID', { reason, location }, { cause })
  }
  const outside = (path: string): boolean => path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path)
  if (location === '' || isAbsolute(location) || location.includes('\0')) refuse('external data needs a relative path')
  if (outside(relative(directory, join(directory, location)))) refuse('external data lies outside the model directory')
  try {
    const path = realpathSync(join(directory, location))
    return outside(relative(realpathSync(directory), path)) ? refuse('a link leads out of the model directory') : path
  } catch (error) {
    if (error instanceof DriftlineError) throw error
    return refuse('external data is missing', error)
  }
}

/** One read call moves at most 2³¹ − 1 bytes. */
const largestRead = 2 ** 30

function readFully(file: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length; ) {
    const read = readSync(file, bytes, done, Math.min(length - done, largestRead), offset + done)
    if (read === 0) throw new DriftlineError('MODEL_INVALID', { reason: 'external data shrank while it was read' })
    done += read
  }
  return bytes
}
