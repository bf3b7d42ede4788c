import { broadcast, broadcastStrides, offsets, sameDims } from './dims.ts'
import { allocate, type HostTensor, type HostType } from './host-tensor.ts'

/** The elements of `from` at `indices`, in a new shape. */
export function take(from: HostTensor, dims: readonly number[], indices: Int32Array): HostTensor {
  const data = allocate(from.type, dims)
  for (let index = 0; index < data.length; index++) data[index] = from.data[indices[index] ?? 0] ?? 0
  return { type: from.type, dims, data }
}

export function expand(from: HostTensor, dims: readonly number[]): HostTensor {
  if (sameDims(from.dims, dims)) return from
  if (from.data.length === 1) {
    const data = allocate(from.type, dims)
    return { type: from.type, dims, data: data.fill(from.data[0] ?? 0) }
  }
  return take(from, dims, offsets(dims, broadcastStrides(from.dims, dims)))
}

/** `f` of the elements, broadcast as ONNX does it. */
export function mapAll(
  type: HostType,
  operands: readonly HostTensor[],
  f: (...values: number[]) => number,
): HostTensor {
  const dims = broadcast(...operands.map((operand) => operand.dims))
  const data = allocate(type, dims)
  const [a, b, ...more] = operands.map((operand) => expand(operand, dims).data)
  if (a === undefined) return { type, dims, data }
  if (b === undefined) for (let i = 0; i < data.length; i++) data[i] = f(a[i] ?? 0)
  else if (more.length === 0) for (let i = 0; i < data.length; i++) data[i] = f(a[i] ?? 0, b[i] ?? 0)
  else for (let i = 0; i < data.length; i++) data[i] = f(a[i] ?? 0, b[i] ?? 0, ...more.map((c) => c[i] ?? 0))
  return { type, dims, data }
}
