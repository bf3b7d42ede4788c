import { assemble, hasRelaxedSimd } from './assembler.ts'
import { elementwiseFunctions } from './elementwise.ts'
import { gemmFunctions } from './gemm.ts'
import { wasmHeap } from './memory.ts'
import { movementFunctions } from './movement.ts'

/** Our own wasm functions, on the heap of the tfjs backend. Addresses are bytes. */
export interface Simd {
  call(name: string, ...numbers: readonly number[]): void
  /** Room for `floats` floats in slot `slot`; what was there before is lost. It only grows. */
  workspace(slot: 0 | 1 | 2, floats: number): number
}

const modules = new WeakMap<object, Simd>()

/** The functions for the running wasm backend. */
export function simd(): Simd {
  const heap = wasmHeap()
  const known = modules.get(heap)
  if (known !== undefined) return known
  const instance = new WebAssembly.Instance(
    new WebAssembly.Module(
      assemble([...gemmFunctions(hasRelaxedSimd()), ...movementFunctions, ...elementwiseFunctions]),
    ),
    {
      env: { memory: heap.asm.memory },
    },
  )
  const spaces = [0, 1, 2].map(() => ({ address: 0, floats: 0 }))
  const made: Simd = {
    call(name, ...numbers) {
      const run = instance.exports[name]
      if (typeof run !== 'function') throw new Error(`no wasm function ${name}`)
      run(...numbers)
    },
    workspace(slot, floats) {
      const space = spaces[slot]
      if (space === undefined) throw new Error(`no workspace ${slot}`)
      if (space.floats < floats) {
        if (space.address !== 0) heap._free(space.address)
        space.floats = Math.ceil(floats * 1.25)
        space.address = heap._malloc(space.floats * 4)
      }
      return space.address
    },
  }
  modules.set(heap, made)
  return made
}
