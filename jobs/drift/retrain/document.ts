import { DriftlineError, messageOf } from '../../../core/errors.ts'
import type { Registry } from '../../../models/registry/registry.ts'
import { documentKey, RetrainingDocument } from './state.ts'

const none: RetrainingDocument = { schema: 1, current: null, begun: [], unrecorded: [] }

export interface ReadDocument {
  /** 0 while there is none. */
  readonly revision: number
  readonly document: RetrainingDocument
}

/** @throws DriftlineError `REGISTRY_INVALID` for a document that is none of ours */
export async function readRetraining(registry: Registry, name: string): Promise<ReadDocument> {
  const stored = await registry.documents.read(name, documentKey)
  if (stored === undefined) return { revision: 0, document: none }
  const parsed = RetrainingDocument.safeParse(stored.value)
  if (parsed.success) return { revision: stored.revision, document: parsed.data }
  throw new DriftlineError('REGISTRY_INVALID', { model: name, document: documentKey, reason: messageOf(parsed.error) })
}

/**
 * Writes what `change` makes of the document; when somebody else was faster, it is asked again about what there is then.
 *
 * @param change returns `undefined` to leave it as it is
 * @returns what was written, or `undefined`
 */
export async function changeRetraining(
  registry: Registry,
  name: string,
  change: (document: RetrainingDocument) => RetrainingDocument | undefined,
): Promise<RetrainingDocument | undefined> {
  for (;;) {
    const { revision, document } = await readRetraining(registry, name)
    const next = change(document)
    if (next === undefined) return undefined
    try {
      await registry.documents.write(name, documentKey, RetrainingDocument.parse(next), revision)
      return next
    } catch (error) {
      if (!(error instanceof DriftlineError && error.code === 'DOCUMENT_MOVED')) throw error
    }
  }
}
