import { z } from 'zod'
import { DriftlineError, messageOf } from '../../core/errors.ts'

/** One state of a document. */
export interface Stored {
  /** 1 for the first, and one more with each write. */
  readonly revision: number
  /** As JSON gave it back: the reader parses it with a schema of its own. */
  readonly value: unknown
}

/**
 * Small JSON values that belong to a model and change by compare-and-set, such as its traffic or the lock of a job. Only
 * the newest states are kept: what must be told later belongs into the audit.
 */
export interface Documents {
  /**
   * Never an older state than the newest at the time of the call, and never none when there is one, whatever is written meanwhile.
   *
   * @param name of a model, published or not
   * @param key lower-case letters, digits and hyphens, from a letter on, at most 64
   * @throws DriftlineError `REGISTRY_INVALID`, `USAGE` for what is no name
   */
  read(name: string, key: string): Promise<Stored | undefined>
  /**
   * Writes the value, provided that the document is still at `revision`.
   *
   * @param value anything JSON can hold
   * @param revision what the caller read; 0 for a document that does not exist yet
   * @returns the new revision
   * @throws DriftlineError `DOCUMENT_MOVED` when it is at another one
   */
  write(name: string, key: string, value: unknown, revision: number): Promise<number>
}

/** What a store keeps for a revision. */
export const DocumentState = z.strictObject({
  schema: z.literal(1),
  revision: z.int().positive(),
  at: z.iso.datetime(),
  value: z.json(),
})

/**
 * A document whose schema is known.
 *
 * @returns `undefined` when there is none
 * @throws DriftlineError `REGISTRY_INVALID` for a document that is none of ours
 */
export async function readDocument<Schema extends z.ZodType>(
  documents: Documents,
  name: string,
  key: string,
  schema: Schema,
): Promise<{ readonly revision: number; readonly value: z.infer<Schema> } | undefined> {
  const stored = await documents.read(name, key)
  if (stored === undefined) return undefined
  const { success, data, error } = schema.safeParse(stored.value)
  if (success) return { revision: stored.revision, value: data }
  throw new DriftlineError('REGISTRY_INVALID', { model: name, document: key, reason: messageOf(error) })
}

export const documentMoved = (model: string, document: string, expected: number, found: number) =>
  new DriftlineError('DOCUMENT_MOVED', { model, document, expected, found })
