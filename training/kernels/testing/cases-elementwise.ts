import { bools, type Case, floats, int32, int64, ints, positives, scalar, sizeOf, tensor } from './case.ts'

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
      smooth: sizeOf(a) > 0 ? [0, 1] : [],
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
  ...['Abs', 'Neg', 'Exp', 'Sin', 'Cos', 'Tanh', 'Sigmoid', 'Relu', 'Softplus', 'Erf', 'LeakyRelu', 'Elu'].map(
    (op): Case => ({ what: 'elements', op, inputs: [floats(2, 3)], smooth: [0] }),
  ),
  ...['Sqrt', 'Log', 'Reciprocal'].map(
    (op): Case => ({ what: 'elements', op, inputs: [positives(2, 3)], smooth: [0] }),
  ),
  ...['Sign', 'Ceil', 'Floor', 'Round'].map(
    (op): Case => ({ what: 'elements', op, inputs: [tensor([7], [-2.5, -1.2, -0.5, 0, 0.5, 1.5, 2.7])] }),
  ),
  ...['Abs', 'Neg', 'Sign'].map((op): Case => ({ what: 'integers', op, inputs: [ints(-3, 0, 8)] })),
  ...['Exp', 'Tanh', 'Sigmoid', 'Relu', 'Softplus', 'Erf'].map(
    (op): Case => ({
      what: 'very large arguments',
      op,
      inputs: [tensor([4], [-1000, -30, 30, op === 'Exp' ? 80 : 1000])],
    }),
  ),
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

export const elementwise: readonly Case[] = [
  ...arithmetic,
  ...modulo,
  ...powers,
  ...extremes,
  ...integerExtremes,
  ...clips,
  ...functions,
  ...logic,
  ...casts,
]
