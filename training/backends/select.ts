import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
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
  const chosen = backendFor(wanted)
  await starters[chosen]()
  saveByReference()
  return chosen
}

/** What `auto` means on this machine. */
export function backendFor(wanted: BackendName | 'auto'): BackendName {
  if (wanted !== 'auto') return wanted
  return tensorflowPackage() === undefined ? 'wasm' : 'tensorflow'
}

/**
 * Keeps TensorFlow from printing the features of the processor; its warnings stay. Its C library reads the environment of
 * the process, which only the main thread can set.
 */
export function quietTensorflow(): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '1'
}

/**
 * Workers to share a batch where nobody says otherwise. TensorFlow has threads of its own, or a GPU that several workers
 * would each take whole: one step of a 2x128 encoder takes 46 ms with one worker and 51 with four.
 */
export const defaultWorkers = (wanted: BackendName | 'auto'): number =>
  backendFor(wanted) === 'tensorflow' ? 1 : Math.min(4, availableParallelism())

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
    restoreUtil()
    try {
      await import(name)
    } catch (error) {
      const details = { reason: messageOf(error), backend: 'tensorflow', package: name }
      throw new DriftlineError('BACKEND_UNAVAILABLE', details, { cause: error })
    }
    await activate('tensorflow', 'tensorflow')
  },
}

/** tfjs-node 4.22 calls two functions of `util` that Node 23 took away, or warns about on every start. */
function restoreUtil(): void {
  const util: Record<string, unknown> = require('node:util')
  util.isArray = Array.isArray
  util.isNullOrUndefined = (value: unknown) => value === null || value === undefined
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
