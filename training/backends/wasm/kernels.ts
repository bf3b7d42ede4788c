import * as tf from '../../tf.ts'
import { address, type KernelCall, output, type WasmKernel } from './kernel.ts'
import { batchMatMul } from './matmul.ts'
import { wasmBackend } from './memory.ts'
import { simd } from './simd.ts'

const size = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1)

function input({ inputs }: KernelCall, name: string): tf.TensorInfo {
  const tensor = inputs[name]
  if (tensor === undefined) throw new Error(`no input ${name}`)
  return tensor
}

/** One float32 in, one of the same shape out. */
const unary = (name: string, call: string): WasmKernel => ({
  name,
  run(kernelCall, stock) {
    const x = input(kernelCall, 'x')
    if (x.dtype !== 'float32') return stock(kernelCall)
    const result = output(x.shape)
    simd().call(call, size(x.shape), address(result), address(x))
    return result
  },
})

/** tfjs moves element by element unless two axes at most are in play. */
const transpose: WasmKernel = {
  name: 'Transpose',
  run(call, stock) {
    const x = input(call, 'x')
    const axes = merged(x.shape, call.attrs.perm as readonly number[])
    if (x.dtype !== 'float32' || axes.length > 4) return stock(call)
    const result = output((call.attrs.perm as readonly number[]).map((axis) => x.shape[axis] ?? 1))
    const padded = [...new Array<Axis>(4 - axes.length).fill({ size: 1, stride: 0 }), ...axes]
    simd().call('permute', address(x), address(result), ...padded.flatMap(({ size, stride }) => [size, stride * 4]))
    return result
  },
}

interface Axis {
  readonly size: number
  readonly stride: number
}

/** The axes of the result with their strides in the source, neighbours that stay neighbours as one. */
function merged(shape: readonly number[], order: readonly number[]): readonly Axis[] {
  const strides = shape.map((_, axis) => size(shape.slice(axis + 1)))
  const axes: Axis[] = []
  for (const axis of order) {
    const [length, stride] = [shape[axis] ?? 1, strides[axis] ?? 1]
    const last = axes.at(-1)
    if (length === 1) continue
    if (last !== undefined && last.stride === stride * length)
      axes[axes.length - 1] = { size: last.size * length, stride }
    else axes.push({ size: length, stride })
  }
  return axes.length === 0 ? [{ size: 1, stride: 1 }] : axes
}

/** Sum and Mean over the first or the last axes, which is all that layers and their gradients need. */
const reduction = (name: 'Sum' | 'Mean'): WasmKernel => ({
  name,
  run(call, stock) {
    const x = input(call, 'x')
    const { axis, keepDims } = call.attrs as { axis: number | number[]; keepDims: boolean }
    const axes = tf.util.parseAxisParam(axis, x.shape)
    const kept = x.shape.map((length, index) => (axes.includes(index) ? 1 : length))
    const shape = keepDims ? kept : x.shape.filter((_, index) => !axes.includes(index))
    const first = axes.length === 0 ? 0 : Math.min(...axes)
    const last = axes.length === 0 ? -1 : Math.max(...axes)
    const reduced = x.shape.slice(first, last + 1)
    const solid =
      axes.length === reduced.length || reduced.every((length, index) => length === 1 || axes.includes(first + index))
    const before = size(x.shape.slice(0, first))
    const after = size(x.shape.slice(last + 1))
    if (x.dtype !== 'float32' || !solid || axes.length === 0 || (before !== 1 && after !== 1)) return stock(call)
    if (name === 'Mean' && after !== 1) return stock(call)
    const result = output(shape)
    if (after !== 1) simd().call('columnSums', address(x), size(reduced), after, address(result))
    else
      simd().call(
        'rowSums',
        address(x),
        before,
        size(reduced),
        address(result),
        name === 'Mean' ? 1 / size(reduced) : 1,
      )
    return result
  },
})

/** The gradient of an embedding look-up; tfjs has none for wasm. */
const unsortedSegmentSum: WasmKernel = {
  name: 'UnsortedSegmentSum',
  run(call) {
    const x = input(call, 'x')
    const ids = input(call, 'segmentIds')
    const rows = call.attrs.numSegments as number
    const inner = x.shape.slice(ids.shape.length)
    const result = output([rows, ...inner])
    const width = size(inner)
    wasmBackend().typedArrayFromHeap(result).fill(0)
    simd().call('scatterAdd', address(ids), size(ids.shape), rows, width, address(x), address(result))
    return result
  },
}

/** tfjs copies here, and every value that is saved for the backward pass goes through it. */
const identity: WasmKernel = {
  name: 'Identity',
  run(call, stock) {
    const x = input(call, 'x')
    if (x.dtype === 'string') return stock(call)
    wasmBackend().incRef(x.dataId)
    return { dataId: x.dataId, shape: x.shape, dtype: x.dtype }
  },
}

/** What replaces or completes the kernels of tfjs's wasm backend. */
export const wasmKernels: readonly WasmKernel[] = [
  identity,
  batchMatMul,
  transpose,
  reduction('Sum'),
  reduction('Mean'),
  unsortedSegmentSum,
  unary('Exp', 'exp'),
  unary('Tanh', 'tanh'),
  unary('Erf', 'erf'),
]
