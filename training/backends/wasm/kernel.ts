import * as tf from '../../tf.ts'
import { wasmBackend } from './memory.ts'

export interface KernelCall {
  readonly inputs: Readonly<Record<string, tf.TensorInfo | undefined>>
  readonly attrs: Readonly<Record<string, unknown>>
}

/** A kernel that takes the place of the one of tfjs, or fills a gap. */
export interface WasmKernel {
  /** As tfjs calls it. */
  readonly name: string
  run(call: KernelCall, stock: (call: KernelCall) => tf.TensorInfo): tf.TensorInfo
}

/** Where a tensor begins on the heap. Ask again after anything that may grow it. */
export const address = ({ dataId }: tf.TensorInfo): number => wasmBackend().getMemoryOffset(dataId)

/** A new tensor of float32, not cleared. */
export const output = (shape: readonly number[]): tf.TensorInfo => wasmBackend().makeOutput([...shape], 'float32')

const registered = new Set<string>()

/** Registers the kernels for the wasm backend, which must be running: its own ones are set up when it starts. */
export function register(kernels: readonly WasmKernel[]): void {
  for (const { name, run } of kernels) {
    if (registered.has(name)) continue
    registered.add(name)
    const stock = tf.getKernel(name, 'wasm')
    if (stock !== undefined && stock !== null) tf.unregisterKernel(name, 'wasm')
    const fallback = (call: KernelCall): tf.TensorInfo => {
      if (stock === undefined || stock === null) throw new Error(`tfjs has no ${name} for wasm`)
      return stock.kernelFunc({ ...call, backend: wasmBackend() } as Parameters<tf.KernelFunc>[0]) as tf.TensorInfo
    }
    tf.registerKernel({
      kernelName: name,
      backendName: 'wasm',
      kernelFunc: ({ inputs, attrs }) => run({ inputs, attrs: (attrs ?? {}) as KernelCall['attrs'] }, fallback),
    })
  }
}
