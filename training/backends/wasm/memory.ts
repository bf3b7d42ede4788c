import { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import { DriftlineError } from '../../../core/errors.ts'
import * as tf from '../../tf.ts'

/** The running wasm backend. */
export function wasmBackend(): BackendWasm {
  const backend = tf.backend()
  if (!(backend instanceof BackendWasm)) throw new Error(`the backend is ${tf.getBackend()}, not wasm`)
  return backend
}

/** What Emscripten puts on its module, beside what the types of tfjs tell. */
interface Heap {
  _malloc(bytes: number): number
  _free(address: number): void
  readonly HEAPU8: Uint8Array
  readonly asm: { readonly memory: WebAssembly.Memory }
}

const isHeap = (module: object): module is Heap => '_malloc' in module && 'HEAPU8' in module && 'asm' in module

export function wasmHeap(): Heap {
  const module: object = wasmBackend().wasm
  if (!isHeap(module)) throw new Error('the wasm module of tfjs has changed')
  return module
}

const guarded = new WeakSet<object>()

/**
 * When memory is out, malloc returns 0 or, above 2 GB, an address beyond the end of the heap, and tfjs uses either. This
 * makes it an error.
 */
export function guardMemory(): void {
  const heap = wasmHeap()
  if (guarded.has(heap)) return
  guarded.add(heap)
  heap._free(heap._malloc(4)) // the first call puts the real function in its place, and would undo ours
  const malloc = heap._malloc
  heap._malloc = (bytes) => {
    const address = malloc(bytes)
    if (bytes > 0 && (address === 0 || (address >>> 0) + bytes > heap.HEAPU8.length)) {
      throw new DriftlineError('TRAINING_MEMORY', { wantedBytes: bytes, heapBytes: heap.HEAPU8.length })
    }
    return address
  }
}
