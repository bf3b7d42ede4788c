import { parentPort, workerData } from 'node:worker_threads'
import { collectGarbage } from '../../core/collect-garbage.ts'
import { DriftlineError } from '../../core/errors.ts'
import { inSharedMemory } from '../../core/shared-memory.ts'
import { setThreadPriority } from '../../core/thread-priority.ts'
import { loadDirectory } from '../load-model.ts'
import type { ModelDirectory } from '../model-directory.ts'
import { openRegistryAt, type RegistryPlace } from './open-registry.ts'
import type { Opened, OpenOrder, Place } from './opener.ts'
import type { Registry } from './registry.ts'

// Opens models for `Opener`, one after another.

const port = parentPort
if (port === null) throw new Error('models/registry/opening-thread runs only in a worker thread')
setThreadPriority(true)
let opening: Promise<Registry> | undefined
let last: Promise<void> = Promise.resolve()
port.on('message', (order: OpenOrder) => {
  last = last.then(async () => {
    port.postMessage(await answer(order))
    collectGarbage() // the files that were read, of which copies have gone
  })
})

async function answer({ id, place }: OpenOrder): Promise<Opened> {
  try {
    const { path, manifest, labels, tokenizerConfig, files } = await open(place)
    const shared = new Map([...files].map(([file, content]) => [file, new Uint8Array(inSharedMemory(content))]))
    return { id, kind: 'opened', files: { path, manifest, labels, tokenizerConfig, files: shared } }
  } catch (error) {
    if (!(error instanceof DriftlineError)) return { id, kind: 'failed', error }
    return { id, kind: 'refused', code: error.code, details: { ...error.details } }
  }
}

async function open(place: Place): Promise<ModelDirectory> {
  if ('path' in place) return loadDirectory(place.path)
  opening ??= openRegistryAt(workerData as RegistryPlace).catch((error: unknown) => {
    opening = undefined // to be tried again
    throw error
  })
  return (await opening).open(place.name, place.version)
}
