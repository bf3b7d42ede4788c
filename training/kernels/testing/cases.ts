import { seededRandom } from '../../../core/random.ts'
import type { Tensor } from '../../onnx/model.ts'
import type { AttributeInput } from './one-node.ts'

/** One use of an operator, in every opset in which its inputs and attributes mean the same. */
export interface Case {
  readonly what: string
  readonly op: string
  /** First opset; default 11. */
  readonly from?: number
  /** Last opset; default 21. */
  readonly to?: number
  readonly inputs: readonly (Tensor | undefined)[]
  readonly attributes?: Readonly<Record<string, AttributeInput>>
  readonly outputs?: number
  /** Index of the inputs whose gradient is compared with central differences; default none. */
  readonly smooth?: readonly number[]
}

const random = seededRandom(11)
const size = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1)
const list = <T>(dims: readonly number[], make: () => T): T[] => Array.from({ length: size(dims) }, make)

/** Between −2 and 2 and not near 0, where some functions have a kink. */
const floats = (...dims: number[]): Tensor =>
  tensor(
    dims,
    list(dims, () => (random() < 0.5 ? -1 : 1) * (0.1 + 1.9 * random())),
  )

const positives = (...dims: number[]): Tensor =>
  tensor(
    dims,
    list(dims, () => 0.2 + 2 * random()),
  )

const tensor = (dims: readonly number[], values: readonly number[]): Tensor => ({
  name: '',
  type: 'float32',
  dims,
  data: Float32Array.from(values),
})

export const int64 = (dims: readonly number[], values: readonly (number | bigint)[]): Tensor => ({
  name: '',
  type: 'int64',
  dims,
  data: BigInt64Array.from(values, BigInt),
})

const ints = (...values: (number | bigint)[]): Tensor => int64([values.length], values)

const integers = (low: number, high: number, ...dims: number[]): Tensor =>
  int64(
    dims,
    list(dims, () => low + Math.floor(random() * (high - low))),
  )

const int32 = (dims: readonly number[], values: readonly number[]): Tensor => ({
  name: '',
  type: 'int32',
  dims,
  data: Int32Array.from(values),
})

const bools = (...dims: number[]): Tensor => ({
  name: '',
  type: 'bool',
  dims,
  data: Uint8Array.from(list(dims, () => Number(random() < 0.5))),
})

const scalar = (value: number): Tensor => tensor([], [value])
const zeros = (...dims: number[]): Tensor => tensor(dims, new Array<number>(size(dims)).fill(0))

/** Pairs of shapes: equal, a scalar, a vector, both stretched, more axes on the right, an empty axis. */
const pairs: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], []],
  [[3], [2, 3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [[1], [2, 2, 2]],
  [[0, 3], [3]],
]

const arithmetic: Case[] = ['Add', 'Sub', 'Mul', 'Div'].flatMap((op) => [
  ...pairs.map(
    ([a, b]): Case => ({
      what: `[${a}] with [${b}]`,
      op,
      inputs: [floats(...a), positives(...b)],
      smooth: size(a) > 0 ? [0, 1] : [],
    }),
  ),
  { what: 'integers of both signs', op, inputs: [ints(-7, 7, -8, 9), ints(2, -2, 3, 4)] },
  { what: 'int32', op, inputs: [int32([3], [-9, 9, 4]), int32([1], [4])] },
])

const modulo: Case[] = [
  { what: 'integers of both signs', op: 'Mod', inputs: [ints(-7, 7, -8, 9, 6), ints(3, -3, 3, -4, -3)] },
  { what: 'fmod of floats', op: 'Mod', inputs: [floats(2, 3), positives(3)], attributes: { fmod: 1n } },
]

const powers: Case[] = [
  ...[2, 3, 0.5, -0.5, 1.7, -1].map(
    (exponent): Case => ({
      what: `exponent ${exponent}`,
      op: 'Pow',
      from: 12,
      inputs: [positives(2, 3), scalar(exponent)],
      smooth: [0],
    }),
  ),
  { what: 'a whole exponent of negative numbers', op: 'Pow', from: 12, inputs: [floats(2, 3), scalar(3)], smooth: [0] },
  { what: 'an exponent per element', op: 'Pow', from: 12, inputs: [positives(2, 3), floats(3)], smooth: [0, 1] },
]

const extremes: Case[] = ['Max', 'Min', 'Sum', 'Mean'].flatMap((op): Case[] => [
  { what: 'one', op, inputs: [floats(2, 3)], smooth: [0] },
  { what: 'three that broadcast', op, inputs: [floats(2, 3), floats(3), floats(2, 1)], smooth: [0, 1, 2] },
])

const integerExtremes: Case[] = ['Max', 'Min'].map((op) => ({
  what: 'integers',
  op,
  from: 12,
  inputs: [ints(3, -1, 4), ints(1, 5, -9), ints(2)],
}))

const clips: Case[] = [
  { what: 'both limits', op: 'Clip', inputs: [floats(3, 4), scalar(-0.6), scalar(0.7)], smooth: [0] },
  { what: 'only a lower limit', op: 'Clip', inputs: [floats(3, 4), scalar(-0.6)], smooth: [0] },
  { what: 'only an upper limit', op: 'Clip', inputs: [floats(3, 4), undefined, scalar(0.7)], smooth: [0] },
  { what: 'no limit', op: 'Clip', inputs: [floats(3, 4)], smooth: [0] },
  { what: 'limits that cross', op: 'Clip', from: 13, inputs: [floats(3), scalar(1), scalar(0)] },
  { what: 'integers', op: 'Clip', from: 12, inputs: [ints(-5, 0, 9), int64([], [0]), int64([], [7])] },
]

const functions: Case[] = [
  ...['Abs', 'Neg', 'Exp', 'Sin', 'Cos', 'Tanh', 'Sigmoid', 'Relu', 'Softplus', 'Erf', 'LeakyRelu', 'Elu'].map((op): Case => ({ what: 'elements', op, inputs: [floats(2, 3)], smooth: [0] })), // biome-ignore format: a list
  ...['Sqrt', 'Log', 'Reciprocal'].map(
    (op): Case => ({ what: 'elements', op, inputs: [positives(2, 3)], smooth: [0] }),
  ),
  ...['Sign', 'Ceil', 'Floor', 'Round'].map((op): Case => ({ what: 'elements', op, inputs: [tensor([7], [-2.5, -1.2, -0.5, 0, 0.5, 1.5, 2.7])] })), // biome-ignore format: a list
  ...['Abs', 'Neg', 'Sign'].map((op): Case => ({ what: 'integers', op, inputs: [ints(-3, 0, 8)] })),
  ...['Exp', 'Tanh', 'Sigmoid', 'Relu', 'Softplus', 'Erf'].map((op): Case => ({ what: 'very large arguments', op, inputs: [tensor([4], [-1000, -30, 30, op === 'Exp' ? 80 : 1000])] })), // biome-ignore format: a list
  { what: 'small and middling arguments', op: 'Erf', inputs: [tensor([8], [0, 1e-6, -0.01, 0.5, -1.5, 2.5, 3.5, -5])] },
  { what: 'another slope', op: 'LeakyRelu', inputs: [floats(5)], attributes: { alpha: 0.3 }, smooth: [0] },
  { what: 'another height', op: 'Elu', inputs: [floats(5)], attributes: { alpha: 0.3 }, smooth: [0] },
  { what: 'exact', op: 'Gelu', from: 20, inputs: [floats(2, 3)], smooth: [0] },
  { what: 'by tanh', op: 'Gelu', from: 20, inputs: [floats(2, 3)], attributes: { approximate: 'tanh' }, smooth: [0] },
]

const logic: Case[] = [
  ...['Equal', 'Greater', 'Less', 'GreaterOrEqual', 'LessOrEqual'].flatMap((op): Case[] => {
    const from = op.endsWith('OrEqual') ? 12 : 11
    return [
      { what: 'floats', op, from, inputs: [tensor([2, 2], [1, 2, 3, 4]), tensor([2], [1, 3])] },
      { what: 'integers', op, from, inputs: [ints(1, 2, 3), ints(2)] },
    ]
  }),
  ...['And', 'Or', 'Xor'].map((op): Case => ({ what: 'that broadcast', op, inputs: [bools(3, 4), bools(4)] })),
  { what: 'truth values', op: 'Not', inputs: [bools(5)] },
  { what: 'numbers and none', op: 'IsNaN', from: 13, inputs: [tensor([3], [1, Number.NaN, Number.NEGATIVE_INFINITY])] },
  { what: 'floats that broadcast', op: 'Where', inputs: [bools(2, 1, 3), floats(4, 1), floats(3)], smooth: [1, 2] },
  { what: 'integers', op: 'Where', inputs: [bools(4), ints(1, 2, 3, 4), ints(9)] },
]

const [toFloat, toInt32, toInt64, toBool] = [{ to: 1n }, { to: 6n }, { to: 7n }, { to: 9n }]
const casts: Case[] = [
  { what: 'float to integer', op: 'Cast', inputs: [tensor([4], [-1.7, -0.2, 0.9, 2.1])], attributes: toInt64 },
  { what: 'float to int32', op: 'Cast', inputs: [tensor([4], [-1.7, -0.2, 0.9, 2.1])], attributes: toInt32 },
  { what: 'float to truth', op: 'Cast', inputs: [tensor([3], [-1.7, 0, 0.9])], attributes: toBool },
  { what: 'float to float', op: 'Cast', inputs: [floats(3)], attributes: toFloat, smooth: [0] },
  { what: 'integer to float', op: 'Cast', inputs: [ints(-1, 0, 70000)], attributes: toFloat },
  { what: 'integer to truth', op: 'Cast', inputs: [ints(-1, 0, 7)], attributes: toBool },
  { what: 'truth to integer', op: 'Cast', inputs: [bools(4)], attributes: toInt64 },
  { what: 'truth to float', op: 'Cast', inputs: [bools(4)], attributes: toFloat },
  { what: 'integer to float', op: 'CastLike', from: 15, inputs: [ints(-1, 0, 7), floats(1)] },
  { what: 'float to integer', op: 'CastLike', from: 15, inputs: [tensor([2], [-1.7, 2.1]), ints(1)] },
]

const creation: Case[] = [
  { what: 'a tensor', op: 'Constant', inputs: [], attributes: { value: tensor([2], [1, 2]) } },
  { what: 'a number', op: 'Constant', from: 12, inputs: [], attributes: { value_float: 0.5 } },
  { what: 'an integer', op: 'Constant', from: 12, inputs: [], attributes: { value_int: -3n } },
  { what: 'integers', op: 'Constant', from: 12, inputs: [], attributes: { value_ints: [-3n, 4n] } },
  { what: 'numbers', op: 'Constant', from: 12, inputs: [], attributes: { value_floats: [0.5, -1] } },
  { what: 'zeros', op: 'ConstantOfShape', inputs: [ints(2, 3)] },
  { what: 'a value', op: 'ConstantOfShape', inputs: [ints(2)], attributes: { value: int64([1], [-1]) } },
  { what: 'a scalar', op: 'ConstantOfShape', inputs: [ints()], attributes: { value: int64([1], [4]) } },
  { what: 'an empty axis', op: 'ConstantOfShape', inputs: [ints(0, 2)] },
  { what: 'upwards', op: 'Range', inputs: [int64([], [2]), int64([], [11]), int64([], [3])] },
  { what: 'downwards', op: 'Range', inputs: [int64([], [5]), int64([], [0]), int64([], [-2])] },
  { what: 'nothing', op: 'Range', inputs: [int64([], [5]), int64([], [5]), int64([], [1])] },
  { what: 'floats', op: 'Range', inputs: [scalar(0.5), scalar(3), scalar(0.75)] },
  { what: 'floats', op: 'Shape', inputs: [floats(2, 0, 3)] },
  { what: 'integers', op: 'Shape', inputs: [ints(1, 2, 3)] },
  { what: 'a part', op: 'Shape', from: 15, inputs: [floats(2, 3, 4)], attributes: { start: 1n, end: -1n } },
  { what: 'an end beyond', op: 'Shape', from: 15, inputs: [floats(2, 3, 4)], attributes: { start: -2n, end: 9n } },
  { what: 'floats', op: 'Size', inputs: [floats(2, 3)] },
  { what: 'above the diagonal', op: 'Trilu', from: 14, inputs: [floats(2, 3, 4)], smooth: [0] },
  { what: 'below, moved', op: 'Trilu', from: 14, inputs: [floats(3, 3), int64([], [-1])], attributes: { upper: 0n } },
  { what: 'integers', op: 'Trilu', from: 14, inputs: [integers(0, 9, 3, 3), int64([], [1])] },
  { what: 'floats', op: 'Identity', inputs: [floats(2)], smooth: [0] },
  { what: 'integers', op: 'Identity', inputs: [ints(2)] },
]

const shapes: Case[] = [
  { what: 'a size left over', op: 'Reshape', inputs: [floats(2, 3, 4), ints(4, -1)], smooth: [0] },
  { what: 'a size kept', op: 'Reshape', inputs: [floats(2, 3, 4), ints(0, -1)], smooth: [0] },
  { what: 'to a scalar', op: 'Reshape', inputs: [floats(1, 1), ints()] },
  { what: 'integers', op: 'Reshape', inputs: [ints(1, 2, 3, 4), ints(2, -1)] },
  { what: 'an empty axis', op: 'Reshape', from: 14, inputs: [floats(2, 0), ints(0, 5)], attributes: { allowzero: 1n } },
  { what: 'the first axis', op: 'Flatten', inputs: [floats(2, 3, 4)], smooth: [0] },
  { what: 'axis 0', op: 'Flatten', inputs: [floats(2, 3)], attributes: { axis: 0n } },
  { what: 'a negative axis', op: 'Flatten', inputs: [integers(0, 9, 2, 3, 2)], attributes: { axis: -1n } },
  { what: 'all of size 1', op: 'Squeeze', to: 12, inputs: [floats(1, 3, 1)], smooth: [0] },
  { what: 'one axis', op: 'Squeeze', to: 12, inputs: [floats(1, 3, 1)], attributes: { axes: [-1n] }, smooth: [0] },
  { what: 'all of size 1', op: 'Squeeze', from: 13, inputs: [integers(0, 9, 1, 3, 1)] },
  { what: 'one axis', op: 'Squeeze', from: 13, inputs: [floats(1, 3, 1), ints(-1)], smooth: [0] },
  { what: 'two axes', op: 'Unsqueeze', to: 12, inputs: [floats(2, 3)], attributes: { axes: [0n, -1n] }, smooth: [0] },
  { what: 'two axes', op: 'Unsqueeze', from: 13, inputs: [floats(2, 3), ints(-1, 0)], smooth: [0] },
  { what: 'a scalar', op: 'Unsqueeze', from: 13, inputs: [int64([], [4]), ints(0)] },
  { what: 'reversed', op: 'Transpose', inputs: [floats(2, 3, 4)], smooth: [0] },
  { what: 'in an order', op: 'Transpose', inputs: [floats(2, 3, 1, 2)], attributes: { perm: [0n, 2n, 1n, 3n] }, smooth: [0] }, // biome-ignore format: a list
  { what: 'integers', op: 'Transpose', inputs: [integers(0, 9, 2, 3, 2)], attributes: { perm: [2n, 0n, 1n] } },
  { what: 'a new axis', op: 'Expand', inputs: [floats(3, 1), ints(2, 1, 4)], smooth: [0] },
  { what: 'to fewer axes', op: 'Expand', inputs: [floats(2, 3), ints(1)], smooth: [0] },
  { what: 'five axes', op: 'Expand', inputs: [floats(2, 1, 1, 1, 2), ints(1, 2, 1, 2, 1)], smooth: [0] },
  { what: 'integers', op: 'Expand', inputs: [ints(1, 2), ints(3, 2)] },
  { what: 'truth values', op: 'Expand', inputs: [bools(2, 1), ints(2, 3)] },
  { what: 'both axes', op: 'Tile', inputs: [floats(2, 3), ints(2, 2)], smooth: [0] },
  { what: 'no time', op: 'Tile', inputs: [floats(2, 3), ints(2, 0)] },
  { what: 'integers', op: 'Tile', inputs: [ints(4, 5), ints(3)] },
]

const last = 9223372036854775807n

const indexing: Case[] = [
  { what: 'rows', op: 'Gather', inputs: [floats(5, 2), int64([2, 3], [0, 4, -1, 0, 2, 2])], smooth: [0] },
  { what: 'along the last axis', op: 'Gather', inputs: [floats(2, 4), ints(3, 0, -4)], attributes: { axis: -1n }, smooth: [0] }, // biome-ignore format: a list
  { what: 'one row', op: 'Gather', inputs: [floats(2, 3, 2), int64([], [-1])], attributes: { axis: 1n }, smooth: [0] },
  { what: 'one row, axis kept', op: 'Gather', inputs: [floats(2, 3), ints(1)], smooth: [0] },
  { what: 'no rows', op: 'Gather', inputs: [floats(2, 3), int64([0], [])] },
  { what: 'integers', op: 'Gather', inputs: [ints(3, 1, 4), ints(2, 0)] },
  { what: 'integers along an inner axis', op: 'Gather', inputs: [integers(0, 9, 2, 3, 2), ints(2, 0)], attributes: { axis: 1n } }, // biome-ignore format: a list
  {
    what: 'along the first axis',
    op: 'GatherElements',
    inputs: [floats(3, 2), int64([2, 2], [0, -1, 2, 0])],
    smooth: [0],
  },
  { what: 'along the last axis', op: 'GatherElements', inputs: [floats(2, 3, 4), integers(-4, 4, 2, 3, 5)], attributes: { axis: -1n }, smooth: [0] }, // biome-ignore format: a list
  { what: 'integers', op: 'GatherElements', inputs: [integers(0, 9, 3, 2), int64([1, 2], [2, 1])] },
  { what: 'elements', op: 'GatherND', inputs: [floats(2, 3), int64([3, 2], [0, 0, 1, -1, 0, 2])], smooth: [0] },
  { what: 'rows', op: 'GatherND', inputs: [floats(3, 2), int64([2, 1], [2, 0])], smooth: [0] },
  { what: 'within batches', op: 'GatherND', from: 12, inputs: [floats(2, 3, 2), int64([2, 1], [2, 0])], attributes: { batch_dims: 1n }, smooth: [0] }, // biome-ignore format: a list
  { what: 'integers', op: 'GatherND', inputs: [integers(0, 9, 3, 2), int64([1, 1, 2], [1, 1])] },
  { what: 'rows', op: 'ScatterND', inputs: [floats(4, 2), int64([2, 1], [3, 0]), floats(2, 2)], smooth: [0, 2] },
  { what: 'integers', op: 'ScatterND', inputs: [ints(1, 2, 3, 4), int64([2, 1], [-1, 1]), ints(8, 9)] },
  { what: 'floats', op: 'ScatterElements', inputs: [floats(3, 3), int64([1, 2], [1, 2]), floats(1, 2)], attributes: { axis: 1n }, smooth: [0, 2] }, // biome-ignore format: a list
  { what: 'integers', op: 'ScatterElements', inputs: [ints(1, 2, 3, 4), ints(-1, 0), ints(8, 9)] },
  { what: 'a range', op: 'Slice', inputs: [floats(4, 5), ints(1, 0), ints(3, 4)], smooth: [0] },
  { what: 'to the end', op: 'Slice', inputs: [floats(4, 5), ints(-2), ints(last), ints(1)], smooth: [0] },
  { what: 'a negative axis and a step', op: 'Slice', inputs: [floats(4, 5), ints(0), ints(last), ints(-1), ints(2)], smooth: [0] }, // biome-ignore format: a list
  { what: 'backwards', op: 'Slice', inputs: [floats(4, 5), ints(-1, 3), ints(-last, 0), ints(0, 1), ints(-1, -2)], smooth: [0] }, // biome-ignore format: a list
  { what: 'nothing', op: 'Slice', inputs: [floats(4, 5), ints(3), ints(2)] },
  { what: 'integers', op: 'Slice', inputs: [ints(1, 2, 3, 4), ints(-1), ints(-last), ints(0), ints(-1)] },
]

const joining: Case[] = [
  {
    what: 'the first axis',
    op: 'Concat',
    inputs: [floats(2, 3), floats(1, 3)],
    attributes: { axis: 0n },
    smooth: [0, 1],
  },
  { what: 'a negative axis', op: 'Concat', inputs: [floats(2, 1), floats(2, 3), floats(2, 2)], attributes: { axis: -1n }, smooth: [0, 1, 2] }, // biome-ignore format: a list
  { what: 'an empty one', op: 'Concat', inputs: [floats(0, 2), floats(1, 2)], attributes: { axis: 0n } },
  { what: 'integers', op: 'Concat', inputs: [integers(0, 9, 2, 1), integers(0, 9, 2, 2)], attributes: { axis: 1n } },
  {
    what: 'equal parts',
    op: 'Split',
    to: 17,
    inputs: [floats(2, 6)],
    attributes: { axis: 1n },
    outputs: 3,
    smooth: [0],
  },
  {
    what: 'sizes',
    op: 'Split',
    to: 12,
    inputs: [floats(5, 2)],
    attributes: { split: [2n, 3n] },
    outputs: 2,
    smooth: [0],
  },
  { what: 'sizes', op: 'Split', from: 13, inputs: [floats(2, 5), ints(1, 4)], attributes: { axis: -1n }, outputs: 2, smooth: [0] }, // biome-ignore format: a list
  { what: 'integers', op: 'Split', from: 13, inputs: [integers(0, 9, 2, 4), ints(3, 1)], attributes: { axis: 1n }, outputs: 2 }, // biome-ignore format: a list
  { what: 'a smaller last part', op: 'Split', from: 18, inputs: [floats(7)], attributes: { num_outputs: 3n }, outputs: 3, smooth: [0] }, // biome-ignore format: a list
  { what: 'around', op: 'Pad', inputs: [floats(2, 3), ints(0, 1, 2, 0), scalar(0.5)], smooth: [0] },
  { what: 'taking away', op: 'Pad', inputs: [floats(4, 3), ints(-1, 0, 1, -1)], smooth: [0] },
  { what: 'some axes', op: 'Pad', from: 18, inputs: [floats(2, 3), ints(1, 2), undefined, ints(-1)], smooth: [0] },
]

const reductions: Case[] = [
  ...[
    'ReduceSum',
    'ReduceMean',
    'ReduceMax',
    'ReduceMin',
    'ReduceProd',
    'ReduceL2',
    'ReduceSumSquare',
    'ReduceLogSumExp',
  ].flatMap((op): Case[] => {
    // biome-ignore format: a list
    const inputFrom = op === 'ReduceSum' ? 13 : 18
    const to = inputFrom - 1
    return [
      { what: 'all', op, inputs: [floats(2, 3)], smooth: [0] },
      { what: 'the last axis', op, to, inputs: [floats(2, 3)], attributes: { axes: [-1n] }, smooth: [0] },
      { what: 'two axes, dropped', op, to, inputs: [floats(2, 2, 3)], attributes: { axes: [0n, 2n], keepdims: 0n }, smooth: [0] }, // biome-ignore format: a list
      { what: 'the last axis', op, from: inputFrom, inputs: [floats(2, 3), ints(-1)], smooth: [0] },
      { what: 'two axes, dropped', op, from: inputFrom, inputs: [floats(2, 2, 3), ints(0, 2)], attributes: { keepdims: 0n }, smooth: [0] }, // biome-ignore format: a list
      { what: 'no axes', op, from: inputFrom, inputs: [positives(2, 3), ints()], attributes: { noop_with_empty_axes: 1n }, smooth: [0] }, // biome-ignore format: a list
    ].filter(({ what }) => what !== 'no axes' || ['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd'].includes(op)) // biome-ignore format: a list
  }),
  { what: 'integers', op: 'ReduceSum', from: 13, inputs: [integers(0, 9, 2, 3), ints(1)] },
  { what: 'integers', op: 'ReduceMax', to: 17, inputs: [integers(-9, 9, 2, 3)], attributes: { axes: [1n] } },
  { what: 'an empty axis', op: 'ReduceSum', from: 13, inputs: [floats(2, 0), ints(1)] },
  { what: 'the last axis', op: 'ArgMax', inputs: [floats(3, 4)], attributes: { axis: -1n } },
  { what: 'of equals the first', op: 'ArgMax', inputs: [tensor([4], [1, 3, 3, 2])], attributes: { keepdims: 0n } },
  { what: 'rows', op: 'CumSum', inputs: [floats(2, 3), int64([], [1])], smooth: [0] },
  { what: 'exclusive and reverse', op: 'CumSum', inputs: [floats(2, 3), int64([], [-1])], attributes: { exclusive: 1n, reverse: 1n }, smooth: [0] }, // biome-ignore format: a list
  { what: 'integers down the columns', op: 'CumSum', inputs: [integers(0, 2, 3, 4), int64([], [0])] },
  {
    what: 'integers exclusive',
    op: 'CumSum',
    inputs: [integers(0, 9, 5), int64([], [0])],
    attributes: { exclusive: 1n },
  },
]

const products: Case[] = [
  ...[
    [[2, 3], [3, 4]],
    [[2, 5, 3], [3, 4]],
    [[2, 2, 5, 3], [2, 2, 3, 4]],
    [[2, 1, 2, 3], [3, 3, 2]],
    [[2, 3], [4, 3, 2]],
    [[3], [3]],
    [[3], [3, 2]],
    [[2, 2, 3], [3]],
    [[1, 3], [3, 1]],
  ].map(([a = [], b = []]): Case => ({ what: `[${a}] by [${b}]`, op: 'MatMul', inputs: [floats(...a), floats(...b)], smooth: [0, 1] })), // biome-ignore format: a list
  { what: 'no bias', op: 'Gemm', inputs: [floats(2, 3), floats(3, 4)], smooth: [0, 1] },
  { what: 'a bias per column', op: 'Gemm', inputs: [floats(2, 3), floats(4, 3), floats(4)], attributes: { transB: 1n }, smooth: [0, 1, 2] }, // biome-ignore format: a list
  { what: 'all settings', op: 'Gemm', inputs: [floats(3, 2), floats(3, 4), floats(2, 1)], attributes: { transA: 1n, alpha: 0.5, beta: 2 }, smooth: [0, 1, 2] }, // biome-ignore format: a list
  { what: 'one class', op: 'Gemm', inputs: [floats(2, 3), floats(1, 3), floats(1)], attributes: { transB: 1n }, smooth: [0, 1, 2] }, // biome-ignore format: a list
  ...[
    ['bhid,bhjd->bhij', [2, 2, 3, 2], [2, 2, 4, 2]],
    ['bij,bjk->bki', [2, 3, 4], [2, 4, 2]],
    ['ij,jk', [2, 3], [3, 2]],
    ['i,j->ij', [3], [2]],
    ['bi,bi->b', [2, 3], [2, 3]],
    ['bij,j->bi', [2, 3, 4], [4]],
  ].map(([equation, a, b]): Case => ({ what: String(equation), op: 'Einsum', from: 12, inputs: [floats(...(a as number[])), floats(...(b as number[]))], attributes: { equation: String(equation) }, smooth: [0, 1] })), // biome-ignore format: a list
  {
    what: 'ijk->ki',
    op: 'Einsum',
    from: 12,
    inputs: [floats(2, 3, 4)],
    attributes: { equation: 'ijk->ki' },
    smooth: [0],
  },
]

const convolutions: Case[] = [
  { what: 'plain', op: 'Conv', inputs: [floats(2, 3, 7), floats(4, 3, 3)], smooth: [0, 1] },
  { what: 'bias and padding', op: 'Conv', inputs: [floats(2, 2, 5), floats(3, 2, 3), floats(3)], attributes: { pads: [1n, 1n], kernel_shape: [3n] }, smooth: [0, 1, 2] }, // biome-ignore format: a list
  { what: 'strides and dilations', op: 'Conv', inputs: [floats(1, 2, 11), floats(3, 2, 3)], attributes: { strides: [2n], dilations: [2n] }, smooth: [0, 1] }, // biome-ignore format: a list
  { what: 'groups', op: 'Conv', inputs: [floats(1, 4, 6), floats(4, 2, 2), floats(4)], attributes: { group: 2n }, smooth: [0, 1, 2] }, // biome-ignore format: a list
  { what: 'same length', op: 'Conv', inputs: [floats(1, 2, 6), floats(2, 2, 4)], attributes: { auto_pad: 'SAME_UPPER' }, smooth: [0, 1] }, // biome-ignore format: a list
  { what: 'same length, padded in front', op: 'Conv', inputs: [floats(1, 2, 6), floats(2, 2, 4)], attributes: { auto_pad: 'SAME_LOWER' } }, // biome-ignore format: a list
  { what: 'windows', op: 'MaxPool', inputs: [floats(2, 3, 7)], attributes: { kernel_shape: [3n], strides: [2n] }, smooth: [0] }, // biome-ignore format: a list
  { what: 'padding', op: 'MaxPool', inputs: [floats(1, 2, 5)], attributes: { kernel_shape: [2n], pads: [1n, 0n] }, smooth: [0] }, // biome-ignore format: a list
  { what: 'one dimension', op: 'GlobalMaxPool', inputs: [floats(2, 3, 5)], smooth: [0] },
  { what: 'one dimension', op: 'GlobalAveragePool', inputs: [floats(2, 3, 5)], smooth: [0] },
]

const huge = tensor([2, 3], [1000, -1000, 999, -1000, -1000, -1000])

const normalizations: Case[] = [
  ...['Softmax', 'LogSoftmax'].flatMap((op): Case[] => [
    { what: 'all axes from 1 on', op, to: 12, inputs: [floats(2, 3, 2)], smooth: [0] },
    { what: 'all axes from the last but one on', op, to: 12, inputs: [floats(2, 3, 2)], attributes: { axis: -2n }, smooth: [0] }, // biome-ignore format: a list
    { what: 'the last axis', op, from: 13, inputs: [floats(2, 3, 2)], smooth: [0] },
    { what: 'another axis', op, from: 13, inputs: [floats(2, 3, 2)], attributes: { axis: 1n }, smooth: [0] },
    { what: 'logits of ±1000', op, inputs: [huge], attributes: { axis: 1n } },
    { what: 'one class', op, inputs: [floats(3, 1)], attributes: { axis: 1n }, smooth: [0] },
    { what: 'an empty axis', op, inputs: [zeros(0, 3)], attributes: { axis: 1n } },
  ]),
  { what: 'the last axis', op: 'LayerNormalization', from: 17, inputs: [floats(2, 3, 4), floats(4), floats(4)], smooth: [0, 1, 2] }, // biome-ignore format: a list
  { what: 'without bias', op: 'LayerNormalization', from: 17, inputs: [floats(2, 4), floats(4)], attributes: { epsilon: 0.1 }, smooth: [0, 1] }, // biome-ignore format: a list
  { what: 'two axes', op: 'LayerNormalization', from: 17, inputs: [floats(2, 3, 2), floats(3, 2), floats(3, 2)], attributes: { axis: 1n }, smooth: [0, 1, 2] }, // biome-ignore format: a list
  { what: 'with its statistics', op: 'LayerNormalization', from: 17, inputs: [floats(2, 4), floats(4)], outputs: 3 },
  { what: 'inference', op: 'Dropout', from: 12, inputs: [floats(2, 3), scalar(0.5)], smooth: [0] },
  { what: 'with its mask', op: 'Dropout', from: 12, inputs: [floats(2, 3)], outputs: 2 },
  { what: 'inference', op: 'Dropout', to: 11, inputs: [floats(2, 3)], attributes: { ratio: 0.3 }, smooth: [0] },
]

export const cases: readonly Case[] = [
  ...[...arithmetic, ...modulo, ...powers, ...extremes, ...integerExtremes, ...clips],
  ...[...functions, ...logic, ...casts, ...creation, ...shapes, ...indexing, ...joining],
  ...[...reductions, ...products, ...convolutions, ...normalizations],
]
