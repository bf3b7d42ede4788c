import { z } from 'zod'
import * as tf from '../tf.ts'
import { offsets } from './dims.ts'
import { mapAll } from './host-ops.ts'
import { allocate, type HostTensor, host, only, scalar, sizeOf, vector } from './host-tensor.ts'
import { kernel } from './kernel.ts'
import { dimsOf } from './value.ts'

const tensor = z.custom<HostTensor>()

export const constant = kernel({
  op: 'Constant',
  since: 11,
  inputs: {},
  attrs: z.union([
    z.strictObject({ value: tensor }).transform(({ value }) => value),
    z.strictObject({ value_float: z.number() }).transform(({ value_float }) => scalar('float32', value_float)),
    z.strictObject({ value_int: z.number() }).transform(({ value_int }) => scalar('int64', value_int)),
    z
      .strictObject({ value_floats: z.array(z.number()) })
      .transform(({ value_floats }) => host('float32', [value_floats.length], value_floats)),
    z.strictObject({ value_ints: z.array(z.number()) }).transform(({ value_ints }) => vector(value_ints)),
  ]),
  host: (_, value) => value,
  run: (_, value) => value,
})

const constantOfShapeOf = (shape: HostTensor, value: HostTensor | undefined): HostTensor => {
  const dims = Array.from(shape.data)
  const type = value?.type ?? 'float32'
  return { type, dims, data: allocate(type, dims).fill(value === undefined ? 0 : only(value)) }
}

export const constantOfShape = kernel({
  op: 'ConstantOfShape',
  since: 9,
  inputs: { input: 'host' },
  attrs: z.strictObject({ value: tensor.optional() }),
  host: ({ input }, { value }) => constantOfShapeOf(input, value),
  run: ({ input }, { value }) => constantOfShapeOf(input, value),
})

const rangeOf = (start: HostTensor, limit: HostTensor, delta: HostTensor): HostTensor => {
  const [from, step] = [only(start), only(delta)]
  const length = Math.max(0, Math.ceil((only(limit) - from) / step))
  const data = allocate(start.type, [length])
  for (let index = 0; index < length; index++) data[index] = from + index * step
  return { type: start.type, dims: [length], data }
}

export const range = kernel({
  op: 'Range',
  since: 11,
  inputs: { start: 'host', limit: 'host', delta: 'host' },
  host: ({ start, limit, delta }) => rangeOf(start, limit, delta),
  run: ({ start, limit, delta }) => rangeOf(start, limit, delta),
})

/** From opset 15 a part of the shape may be asked for; both ends are cut to the rank. */
const shapeOf = (dims: readonly number[], { start, end }: { start: number; end?: number | undefined }): HostTensor =>
  vector(dims.slice(start, end))

const shapeAttributes = z.strictObject({ start: z.int().default(0), end: z.int().optional() })

export const shape = kernel({
  op: 'Shape',
  since: 1,
  inputs: { data: 'any' },
  attrs: shapeAttributes,
  host: ({ data }, attrs) => shapeOf(data.dims, attrs),
  run: ({ data }, attrs) => shapeOf(dimsOf(data), attrs),
})

export const size = kernel({
  op: 'Size',
  since: 1,
  inputs: { data: 'any' },
  host: ({ data }) => scalar('int64', data.data.length),
  run: ({ data }) => scalar('int64', sizeOf(dimsOf(data))),
})

/** Keeps the upper or the lower triangle of the last two axes; `k` moves the diagonal up. */
export const trilu = kernel({
  op: 'Trilu',
  since: 14,
  inputs: { input: 'tensor', k: 'host?' },
  attrs: z.strictObject({ upper: z.int().default(1) }),
  host: ({ input, k }, { upper }) =>
    mapAll(input.type, [triangle(input.dims, k, upper), input], (kept, value) => (kept ? value : 0)),
  run: ({ input, k }, { upper }) => {
    const { dims, data } = triangle(input.shape, k, upper)
    return tf.where(tf.tensor(Uint8Array.from(data), [...dims], 'bool'), input, tf.zerosLike(input))
  },
})

/** [rows, columns] of the last two axes, 1 where the element is kept. */
function triangle(dims: readonly number[], k: HostTensor | undefined, upper: number): HostTensor {
  const [rows = 1, columns = 1] = dims.slice(-2)
  const diagonal = k === undefined ? 0 : only(k)
  // offsets with strides (−1, 1) are column − row
  const kept = Uint8Array.from(offsets([rows, columns], [-1, 1]), (distance) =>
    Number(upper === 1 ? distance >= diagonal : distance <= diagonal),
  )
  return { type: 'bool', dims: [rows, columns], data: kept }
}

export const identity = kernel({
  op: 'Identity',
  since: 1,
  inputs: { input: 'any' },
  host: ({ input }) => input,
  run: ({ input }) => input,
})
