import * as tf from '../tf.ts'
import { type HostTensor, host } from './host-tensor.ts'

/** A value while a program runs: on the backend when it depends on a parameter, else on the host. */
export type Value = HostTensor | tf.Tensor

export const isDevice = (value: Value): value is tf.Tensor => value instanceof tf.Tensor

export const dimsOf = (value: Value): readonly number[] => (isDevice(value) ? value.shape : value.dims)

/** The type with which a backend computes. */
export const dtypeOf = ({ type }: HostTensor): 'float32' | 'int32' | 'bool' => (type === 'int64' ? 'int32' : type)

/** Copies to the backend. int64 becomes int32, cut to its range (which only ends of slices exceed). */
export function upload(value: Value): tf.Tensor {
  if (isDevice(value)) return value
  const { type, data } = value
  const dims = [...value.dims]
  switch (type) {
    case 'float32':
      return tf.tensor(Float32Array.from(data), dims, 'float32') // a copy: the cpu backend keeps what it is given
    case 'bool':
      return tf.tensor(Uint8Array.from(data), dims, 'bool')
    default:
      return tf.tensor(Int32Array.from(data, clamp), dims, 'int32')
  }
}

const clamp = (value: number): number => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, value))

/** Waits for the backend and copies back: for the few integers that a graph computes from its floats. */
export function download(value: Value): HostTensor {
  if (!isDevice(value)) return value
  const type = value.dtype === 'bool' ? 'bool' : value.dtype === 'int32' ? 'int32' : 'float32'
  return host(type, value.shape, value.dataSync())
}
