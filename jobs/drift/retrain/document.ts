import { DriftlineError } from '../../../core/errors.ts'
import { readDocument } from '../../../models/registry/documents.ts'
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
  const stored = await readDocument(registry.documents, name, documentKey, RetrainingDocument)
  return stored === undefined ? { revision: 0, document: none } : { revision: stored.revision, document: stored.value }
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
