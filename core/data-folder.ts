import { accessSync, constants, mkdirSync } from 'node:fs'
import { DriftlineError, messageOf } from './errors.ts'

/**
 * Makes the data folder if it is not there, for its owner alone.
 *
 * @throws DriftlineError `CONFIG_INVALID` when it cannot be made or written
 */
export function makeDataFolder(data: string): void {
  try {
    mkdirSync(data, { recursive: true, mode: 0o700 })
    accessSync(data, constants.W_OK)
  } catch (error) {
    const reason = `the data folder cannot be used: ${messageOf(error)}`
    throw new DriftlineError('CONFIG_INVALID', { reason, data }, { cause: error })
  }
}
