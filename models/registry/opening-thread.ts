import { parentPort, workerData } from 'node:worker_threads'
import { DriftlineError } from '../../core/errors.ts'
import { setThreadPriority } from '../../core/thread-priority.ts'
import { openRegistryAt, type RegistryPlace } from './open-registry.ts'
import type { Opened, OpenOrder } from './opener.ts'
import type { Registry } from './registry.ts'

// Opens versions for `Opener`, one after another.

const port = parentPort
if (port === null) throw new Error('models/registry/opening-thread runs only in a worker thread')
setThreadPriority(true)
let opening: Promise<Registry> | undefined
let last: Promise<void> = Promise.resolve()
port.on('message', (order: OpenOrder) => {
  last = last.then(async () => port.postMessage(await answer(order)))
})

async function answer({ id, name, version }: OpenOrder): Promise<Opened> {
  try {
    opening ??= openRegistryAt(workerData as RegistryPlace)
    const registry = await opening
    const { path, manifest, labels, tokenizerConfig, files } = await registry.open(name, version)
    const shared = new Map([...files].map(([file, content]) => [file, inSharedMemory(content)]))
    return { id, kind: 'opened', files: { path, manifest, labels, tokenizerConfig, files: shared } }
  } catch (error) {
    if (!(error instanceof DriftlineError)) return { id, kind: 'failed', error }
    return { id, kind: 'refused', code: error.code, details: { ...error.details } }
  }
}

function inSharedMemory(content: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(content.byteLength))
  shared.set(content)
  return shared
}
