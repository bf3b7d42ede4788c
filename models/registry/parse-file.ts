import type { z } from 'zod'
import { DriftlineError, messageOf } from '../../core/errors.ts'

/** What a file of the registry says. @throws DriftlineError `REGISTRY_INVALID` naming the file */
export function parseFile<Schema extends z.ZodType>(schema: Schema, text: string, file: string): z.infer<Schema> {
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    throw new DriftlineError('REGISTRY_INVALID', { file, reason: messageOf(error) }, { cause: error })
  }
}
