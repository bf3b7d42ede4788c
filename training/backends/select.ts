import { createRequire } from 'node:module'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import * as tf from '../tf.ts'
import type { BackendName } from './backend.ts'
import { saveByReference } from './saving.ts'
import { register } from './wasm/kernel.ts'
import { wasmKernels } from './wasm/kernels.ts'
import { guardMemory } from './wasm/memory.ts'

const require = createRequire(import.meta.url)

/**
 * Makes a backend the current one of this thread.
 *
 * @param wanted `auto` is `tensorflow` where it is installed and works, else `wasm`
 * @returns what runs
 * @throws DriftlineError `BACKEND_UNAVAILABLE` when what was asked for by name does not work
 */
export async function selectBackend(wanted: BackendName | 'auto'): Promise<BackendName> {
  tf.env().set('PROD', true) // else tfjs advertises another package on stderr
  if (wanted === 'auto') return tensorflowPackage() === undefined ? selectBackend('wasm') : selectBackend('tensorflow')
  await starters[wanted]()
  saveByReference()
  return wanted
}

const starters: Readonly<Record<BackendName, () => Promise<void>>> = {
  async cpu() {
    await import('@tensorflow/tfjs-backend-cpu')
    await activate('cpu', 'cpu')
  },
  async wasm() {
    await withoutProcessListeners(async () => {
      await import('@tensorflow/tfjs-backend-wasm')
      await activate('wasm', 'wasm')
    })
    guardMemory()
    register(wasmKernels)
  },
  async tensorflow() {
    const name = tensorflowPackage()
    if (name === undefined) {
      const reason = 'install @tensorflow/tfjs-node-gpu (CUDA) or @tensorflow/tfjs-node next to driftline'
      throw new DriftlineError('BACKEND_UNAVAILABLE', { reason, backend: 'tensorflow' })
    }
    try {
      await import(name)
    } catch (error) {
      const details = { reason: messageOf(error), backend: 'tensorflow', package: name }
      throw new DriftlineError('BACKEND_UNAVAILABLE', details, { cause: error })
    }
    await activate('tensorflow', 'tensorflow')
  },
}

async function activate(name: string, backend: BackendName): Promise<void> {
  if (await tf.setBackend(name)) return
  throw new DriftlineError('BACKEND_UNAVAILABLE', { reason: `${name} did not start`, backend })
}

/** The GPU package wins where both are installed. */
function tensorflowPackage(): string | undefined {
  return ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'].find((name) => {
    try {
      return require.resolve(name) !== ''
    } catch {
      return false
    }
  })
}

/** Emscripten's loader listens for the process's uncaught errors, only to throw them again; that is not its business. */
async function withoutProcessListeners(start: () => Promise<void>): Promise<void> {
  const events = ['uncaughtException', 'unhandledRejection'] as const
  const before = events.map((event) => new Set<unknown>(process.listeners(event as 'uncaughtException')))
  await start()
  for (const [index, event] of events.entries()) {
    for (const listener of process.listeners(event as 'uncaughtException')) {
      if (!before[index]?.has(listener)) process.removeListener(event, listener)
    }
  }
}
