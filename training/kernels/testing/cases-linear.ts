import { type Case, floats, int64, integers, ints, positives, scalar, tensor, zeros } from './case.ts'

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
    const inputFrom = op === 'ReduceSum' ? 13 : 18
    const to = inputFrom - 1
    return [
      { what: 'all', op, inputs: [floats(2, 3)], smooth: [0] },
      { what: 'the last axis', op, to, inputs: [floats(2, 3)], attributes: { axes: [-1n] }, smooth: [0] },
      {
        what: 'two axes, dropped',
        op,
        to,
        inputs: [floats(2, 2, 3)],
        attributes: { axes: [0n, 2n], keepdims: 0n },
        smooth: [0],
      },
      { what: 'the last axis', op, from: inputFrom, inputs: [floats(2, 3), ints(-1)], smooth: [0] },
      {
        what: 'two axes, dropped',
        op,
        from: inputFrom,
        inputs: [floats(2, 2, 3), ints(0, 2)],
        attributes: { keepdims: 0n },
        smooth: [0],
      },
      {
        what: 'no axes',
        op,
        from: inputFrom,
        inputs: [positives(2, 3), ints()],
        attributes: { noop_with_empty_axes: 1n },
        smooth: [0],
      },
    ]
  }),
  { what: 'integers', op: 'ReduceSum', from: 13, inputs: [integers(0, 9, 2, 3), ints(1)] },
  { what: 'integers', op: 'ReduceMax', to: 17, inputs: [integers(-9, 9, 2, 3)], attributes: { axes: [1n] } },
  { what: 'an empty axis', op: 'ReduceSum', from: 13, inputs: [floats(2, 0), ints(1)] },
  { what: 'the last axis', op: 'ArgMax', inputs: [floats(3, 4)], attributes: { axis: -1n } },
  { what: 'of equals the first', op: 'ArgMax', inputs: [tensor([4], [1, 3, 3, 2])], attributes: { keepdims: 0n } },
  { what: 'rows', op: 'CumSum', inputs: [floats(2, 3), int64([], [1])], smooth: [0] },
  {
    what: 'exclusive and reverse',
    op: 'CumSum',
    inputs: [floats(2, 3), int64([], [-1])],
    attributes: { exclusive: 1n, reverse: 1n },
    smooth: [0],
  },
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
    [
      [2, 3],
      [3, 4],
    ],
    [
      [2, 5, 3],
      [3, 4],
    ],
    [
      [2, 2, 5, 3],
      [2, 2, 3, 4],
    ],
    [
      [2, 1, 2, 3],
      [3, 3, 2],
    ],
    [
      [2, 3],
      [4, 3, 2],
    ],
    [[3], [3]],
    [[3], [3, 2]],
    [[2, 2, 3], [3]],
    [
      [1, 3],
      [3, 1],
    ],
  ].map(
    ([a = [], b = []]): Case => ({
      what: `[${a}] by [${b}]`,
      op: 'MatMul',
      inputs: [floats(...a), floats(...b)],
      smooth: [0, 1],
    }),
  ),
  { what: 'no bias', op: 'Gemm', inputs: [floats(2, 3), floats(3, 4)], smooth: [0, 1] },
  {
    what: 'a bias per column',
    op: 'Gemm',
    inputs: [floats(2, 3), floats(4, 3), floats(4)],
    attributes: { transB: 1n },
    smooth: [0, 1, 2],
  },
  {
    what: 'all settings',
    op: 'Gemm',
    inputs: [floats(3, 2), floats(3, 4), floats(2, 1)],
    attributes: { transA: 1n, alpha: 0.5, beta: 2 },
    smooth: [0, 1, 2],
  },
  {
    what: 'one class',
    op: 'Gemm',
    inputs: [floats(2, 3), floats(1, 3), floats(1)],
    attributes: { transB: 1n },
    smooth: [0, 1, 2],
  },
  ...[
    ['bhid,bhjd->bhij', [2, 2, 3, 2], [2, 2, 4, 2]],
    ['bij,bjk->bki', [2, 3, 4], [2, 4, 2]],
    ['ij,jk', [2, 3], [3, 2]],
    ['i,j->ij', [3], [2]],
    ['bi,bi->b', [2, 3], [2, 3]],
    ['bij,j->bi', [2, 3, 4], [4]],
  ].map(
    ([equation, a, b]): Case => ({
      what: String(equation),
      op: 'Einsum',
      from: 12,
      inputs: [floats(...(a as number[])), floats(...(b as number[]))],
      attributes: { equation: String(equation) },
      smooth: [0, 1],
    }),
  ),
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
  {
    what: 'bias and padding',
    op: 'Conv',
    inputs: [floats(2, 2, 5), floats(3, 2, 3), floats(3)],
    attributes: { pads: [1n, 1n], kernel_shape: [3n] },
    smooth: [0, 1, 2],
  },
  {
    what: 'strides and dilations',
    op: 'Conv',
    inputs: [floats(1, 2, 11), floats(3, 2, 3)],
    attributes: { strides: [2n], dilations: [2n] },
    smooth: [0, 1],
  },
  {
    what: 'groups',
    op: 'Conv',
    inputs: [floats(1, 4, 6), floats(4, 2, 2), floats(4)],
    attributes: { group: 2n },
    smooth: [0, 1, 2],
  },
  {
    what: 'same length',
    op: 'Conv',
    inputs: [floats(1, 2, 6), floats(2, 2, 4)],
    attributes: { auto_pad: 'SAME_UPPER' },
    smooth: [0, 1],
  },
  {
    what: 'same length, padded in front',
    op: 'Conv',
    inputs: [floats(1, 2, 6), floats(2, 2, 4)],
    attributes: { auto_pad: 'SAME_LOWER' },
  },
  {
    what: 'windows',
    op: 'MaxPool',
    inputs: [floats(2, 3, 7)],
    attributes: { kernel_shape: [3n], strides: [2n] },
    smooth: [0],
  },
  {
    what: 'padding',
    op: 'MaxPool',
    inputs: [floats(1, 2, 5)],
    attributes: { kernel_shape: [2n], pads: [1n, 0n] },
    smooth: [0],
  },
  { what: 'one dimension', op: 'GlobalMaxPool', inputs: [floats(2, 3, 5)], smooth: [0] },
  { what: 'one dimension', op: 'GlobalAveragePool', inputs: [floats(2, 3, 5)], smooth: [0] },
]

const huge = tensor([2, 3], [1000, -1000, 999, -1000, -1000, -1000])

const normalizations: Case[] = [
  ...['Softmax', 'LogSoftmax'].flatMap((op): Case[] => [
    { what: 'all axes from 1 on', op, to: 12, inputs: [floats(2, 3, 2)], smooth: [0] },
    {
      what: 'all axes from the last but one on',
      op,
      to: 12,
      inputs: [floats(2, 3, 2)],
      attributes: { axis: -2n },
      smooth: [0],
    },
    { what: 'the last axis', op, from: 13, inputs: [floats(2, 3, 2)], smooth: [0] },
    { what: 'another axis', op, from: 13, inputs: [floats(2, 3, 2)], attributes: { axis: 1n }, smooth: [0] },
    { what: 'logits of ±1000', op, inputs: [huge], attributes: { axis: 1n } },
    { what: 'one class', op, inputs: [floats(3, 1)], attributes: { axis: 1n }, smooth: [0] },
    { what: 'an empty axis', op, inputs: [zeros(0, 3)], attributes: { axis: 1n } },
  ]),
  {
    what: 'the last axis',
    op: 'LayerNormalization',
    from: 17,
    inputs: [floats(2, 3, 4), floats(4), floats(4)],
    smooth: [0, 1, 2],
  },
  {
    what: 'without bias',
    op: 'LayerNormalization',
    from: 17,
    inputs: [floats(2, 4), floats(4)],
    attributes: { epsilon: 0.1 },
    smooth: [0, 1],
  },
  {
    what: 'two axes',
    op: 'LayerNormalization',
    from: 17,
    inputs: [floats(2, 3, 2), floats(3, 2), floats(3, 2)],
    attributes: { axis: 1n },
    smooth: [0, 1, 2],
  },
  { what: 'with its statistics', op: 'LayerNormalization', from: 17, inputs: [floats(2, 4), floats(4)], outputs: 3 },
  { what: 'inference', op: 'Dropout', from: 12, inputs: [floats(2, 3), scalar(0.5)], smooth: [0] },
  { what: 'with its mask', op: 'Dropout', from: 12, inputs: [floats(2, 3)], outputs: 2 },
  { what: 'inference', op: 'Dropout', to: 11, inputs: [floats(2, 3)], attributes: { ratio: 0.3 }, smooth: [0] },
]

export const linear: readonly Case[] = [...reductions, ...products, ...convolutions, ...normalizations]
