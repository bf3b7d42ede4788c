import { linkSync, symlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { ErrorCode } from '../../../core/errors.ts'
import * as onnx from './onnx-writer.ts'
import type { Draft, Recipe } from './recipe.ts'

const { float32, int64, float16, string } = onnx.elementTypes
const { node, floats, int64s, tensor, port } = onnx

type More = Partial<Pick<Recipe, 'mayPass' | 'costly'>>

const recipe = (name: string, refused: readonly ErrorCode[], make: () => Uint8Array, more: More = {}): Recipe => ({
  group: 'graph',
  name,
  refused,
  ...more,
  make: (draft) => setGraph(draft, make()),
})

/** Without the golden answers of another graph: what is wrong with this one has to be found. */
function setGraph({ files }: Draft, graph: Uint8Array): void {
  files.set('model.onnx', graph)
  files.delete('golden.json')
}

const ids = port('input_ids', int64, ['batch', 'tokens'])
const mask = port('attention_mask', int64, ['batch', 'tokens'])
const logits = port('logits', float32, ['batch', 3])

/** From ids [batch, tokens] to `base`, float32 [batch, 3]. */
const baseNodes = [
  node('Cast', ['input_ids'], ['x'], { attributes: [onnx.int('to', float32)] }),
  node('ReduceMean', ['x'], ['mean'], { attributes: [onnx.ints('axes', [1]), onnx.int('keepdims', 1)] }),
  node('MatMul', ['mean', 'w'], ['base']),
]
const weights = floats('w', [1, 3], [0.01, -0.01, 0.02])

interface Change extends Partial<onnx.GraphFields> {
  readonly model?: Parameters<typeof onnx.model>[1]
}

/** A classifier that works, but for what is changed: without other nodes, `base` becomes `logits`. */
function classifier(change: Change = {}): Uint8Array {
  const nodes = change.nodes ?? [node('Identity', ['base'], ['logits'])]
  const graph = onnx.graph({
    inputs: [ids, mask],
    outputs: [logits],
    ...change,
    nodes: [...baseNodes, ...nodes],
    constants: [weights, ...(change.constants ?? [])],
  })
  return onnx.model(graph, change.model)
}

/** A classifier that adds `extra`, a float32 that is broadcast to [batch, 3], to its logits: it cannot be left out. */
const adding = (nodes: readonly Uint8Array[], change: Change = {}): Uint8Array =>
  classifier({ ...change, nodes: [...nodes, node('Add', ['base', 'extra'], ['logits'])] })

const axes = (name: string, value: readonly number[]): Uint8Array => int64s(name, [value.length], value)
const condition = node('Constant', [], ['true'], {
  attributes: [onnx.constant('value', tensor({ type: onnx.elementTypes.bool, raw: Uint8Array.of(1) }))],
})

const noChange = (op: string, name: string, body: Uint8Array, inputs: readonly string[]): Uint8Array =>
  adding([
    condition,
    node(op, inputs, ['looped'], { attributes: [onnx.graphAttribute(name, body)] }),
    node('ReduceMean', ['looped'], ['extra'], { attributes: [onnx.int('keepdims', 0)] }),
  ])

/** A loop whose condition stays true. */
const loopBody = onnx.graph({
  nodes: [node('Identity', ['c'], ['c2']), node('Identity', ['v'], ['v2'])],
  inputs: [port('i', int64, []), port('c', onnx.elementTypes.bool, []), port('v', float32, ['a', 'b'])],
  outputs: [port('c2', onnx.elementTypes.bool, []), port('v2', float32, ['a', 'b'])],
})

/** `If` in `If`, so deep; with both branches, twice as much at each level. */
function nested(depth: number, both: boolean): Uint8Array {
  let body = onnx.graph({ nodes: [node('Identity', ['base'], ['y0'])], outputs: [port('y0', float32, ['a', 'b'])] })
  for (let level = 1; level <= depth; level++) {
    const name = `y${level}`
    const branches = both ? ['then_branch', 'else_branch'] : ['then_branch']
    const attributes = branches.map((branch) => onnx.graphAttribute(branch, body))
    const nodes = [node('If', ['true'], [name], { attributes })]
    body = onnx.graph({ nodes, outputs: [port(name, float32, ['a', 'b'])] })
  }
  return body
}

/**
 * Products of two matrices of [side, side], one after the other: `count` × 2 · side³ operations from a few bytes. All are zero: others
 * would overflow, and a machine that is fast enough to see that would name another fault.
 */
function products(side: number, count: number): Uint8Array {
  const chain = Array.from({ length: count }, (_, at) => node('MatMul', [`m${at}`, 'm0'], [`m${at + 1}`]))
  return adding(
    [
      node('ReduceMean', ['mean'], ['all'], { attributes: [onnx.int('keepdims', 0)] }), // of the input, so that nothing is folded
      node('Mul', ['all', 'zero'], ['none']),
      node('Expand', ['none', 'side'], ['m0']),
      ...chain,
      node('ReduceMean', [`m${count}`], ['extra'], { attributes: [onnx.int('keepdims', 0)] }),
    ],
    { constants: [int64s('side', [2], [side, side]), floats('zero', [1], [0])] },
  )
}

const reduced = (of: string): Uint8Array =>
  node('ReduceMean', [of], ['extra'], { attributes: [onnx.int('keepdims', 0)] })

const unsafe = ['MODEL_UNSAFE'] as const
const invalid = ['MODEL_INVALID'] as const
const costly = ['MODEL_TOO_COSTLY', 'MODEL_INVALID', 'MODEL_CRASHED'] as const
const anyFault = ['MODEL_INVALID', 'MODEL_UNSAFE', 'MODEL_TOO_COSTLY', 'MODEL_CRASHED'] as const

const operators: readonly Recipe[] = [
  recipe('an operator of a domain of its own', unsafe, () =>
    adding([node('Exec', ['base'], ['extra'], { domain: 'evil' })]),
  ),
  recipe('an operator that nobody knows', unsafe, () => adding([node('Launch', ['base'], ['extra'])])),
  recipe('an operator that runs Python', unsafe, () =>
    adding([node('PyOp', ['base'], ['extra'], { domain: 'com.microsoft' })]),
  ),
  recipe('a compiled graph of a driver', unsafe, () =>
    adding([
      node('EPContext', ['base'], ['extra'], {
        domain: 'com.microsoft',
        attributes: [onnx.text('ep_cache_context', '../../../lib/evil.so'), onnx.int('embed_mode', 0)],
      }),
    ]),
  ),
  recipe('a search that loops', unsafe, () =>
    adding([node('BeamSearch', ['base'], ['extra'], { domain: 'com.microsoft' })]),
  ),
  recipe('an endless loop', unsafe, () => noChange('Loop', 'body', loopBody, ['', 'true', 'base'])),
  recipe('an endless loop inside of a choice', unsafe, () => {
    const looping = onnx.graph({
      nodes: [node('Loop', ['', 'true', 'base'], ['z'], { attributes: [onnx.graphAttribute('body', loopBody)] })],
      outputs: [port('z', float32, ['a', 'b'])],
    })
    const attributes = [onnx.graphAttribute('then_branch', looping), onnx.graphAttribute('else_branch', looping)]
    return adding([condition, node('If', ['true'], ['z'], { attributes }), reduced('z')])
  }),
  recipe('a scan', unsafe, () => noChange('Scan', 'body', loopBody, ['base'])),
  recipe('random numbers', unsafe, () =>
    adding([node('RandomNormal', [], ['extra'], { attributes: [onnx.ints('shape', [1])] })]),
  ),
  recipe('random numbers of another kind', unsafe, () => adding([node('RandomUniformLike', ['base'], ['extra'])])),
  recipe('drawn classes', unsafe, () =>
    adding([node('Multinomial', ['base'], ['drawn']), node('Cast', ['drawn'], ['extra'])]),
  ),
  recipe('functions of its own', unsafe, () =>
    classifier({ model: { more: [onnx.bytes(25, onnx.joined([onnx.bytes(1, 'F'), onnx.bytes(10, 'evil')]))] } }),
  ),
  recipe('functions that call functions twice, 60 deep', unsafe, () => {
    const functions = Array.from({ length: 60 }, (_, at) => {
      const call = node(`F${at + 1}`, ['x'], ['y'], { domain: 'evil' })
      return onnx.bytes(
        25,
        onnx.joined([onnx.bytes(1, `F${at}`), onnx.bytes(7, call), onnx.bytes(7, call), onnx.bytes(10, 'evil')]),
      )
    })
    return classifier({ model: { more: functions } })
  }),
  recipe('choices 10 deep, each of two', unsafe, () => noChange('If', 'then_branch', nested(10, true), ['true'])),
  recipe('choices 2,000 deep', unsafe, () => noChange('If', 'then_branch', nested(2000, false), ['true'])),
  recipe('150,000 nodes', unsafe, () => {
    const count = 150_000
    const chain = Array.from({ length: count }, (_, at) => node('Neg', [at === 0 ? 'base' : `n${at}`], [`n${at + 1}`]))
    return classifier({ nodes: [...chain, node('Identity', [`n${count}`], ['logits'])] })
  }),
]

const externals: readonly Recipe[] = [
  '../../../../etc/hostname',
  '/etc/hostname',
  'weights.bin',
  '',
  './../model.onnx',
].map((location) =>
  recipe(`a constant that lies in ${location === '' ? 'a file without a name' : location}`, unsafe, () =>
    adding([reduced('e')], { constants: [onnx.external('e', location, 8)] }),
  ),
)

/** A constant in a file of the directory that is a link to one outside. */
const linked = (name: string, link: (from: string, to: string) => void, listed: boolean): Recipe => ({
  group: 'graph',
  name: `a constant in a ${name} link${listed ? ' that the manifest names' : ''}`,
  refused: ['MODEL_UNSAFE', 'MODEL_INVALID'],
  make: (draft) => {
    setGraph(draft, adding([reduced('e')], { constants: [onnx.external('e', 'weights.bin', 8)] }))
    if (listed) draft.files.set('weights.bin', new Uint8Array(8))
    draft.after = async (folder) => {
      const outside = `${folder}.outside`
      await writeFile(outside, new Uint8Array(8))
      link(outside, join(folder, listed ? 'weights-2.bin' : 'weights.bin'))
    }
  },
})

const shapes: readonly Recipe[] = [
  recipe('a constant of terabytes that holds nothing', invalid, () =>
    adding([reduced('e')], { constants: [tensor({ name: 'e', dims: [2 ** 40, 4] })] }),
  ),
  recipe('a constant of terabytes that holds a little', invalid, () =>
    adding([reduced('e')], { constants: [tensor({ name: 'e', dims: [2 ** 40], raw: new Uint8Array(16) })] }),
  ),
  recipe('a shape whose product has 65 bits', invalid, () =>
    adding([reduced('e')], {
      constants: [tensor({ name: 'e', dims: [2n ** 33n, 2n ** 32n, 1], raw: new Uint8Array(4) })],
    }),
  ),
  recipe('a shape below zero', invalid, () =>
    adding([reduced('e')], { constants: [tensor({ name: 'e', dims: [-4], raw: new Uint8Array(16) })] }),
  ),
  recipe('a constant of a million dimensions', unsafe, () =>
    adding([reduced('e')], {
      constants: [tensor({ name: 'e', dims: new Array(1_000_000).fill(1), raw: new Uint8Array(4) })],
    }),
  ),
  recipe('a name of a megabyte', unsafe, () =>
    adding([node('Identity', ['base'], ['extra']), node('N'.repeat(2 ** 20), [], [])]),
  ),
  recipe('a sparse constant', unsafe, () =>
    classifier({
      more: [onnx.bytes(15, onnx.joined([onnx.bytes(1, floats('s', [1], [1])), onnx.number(3, 2 ** 40)]))],
    }),
  ),
  recipe('strings where numbers belong', anyFault, () =>
    adding([node('Add', ['s', 's'], ['extra'])], {
      constants: [tensor({ name: 's', dims: [1], type: string, more: [onnx.bytes(6, 'x')] })],
    }),
  ),
  recipe('raw strings', invalid, () =>
    adding([reduced('e')], { constants: [tensor({ name: 'e', dims: [4], type: string, raw: new Uint8Array(4) })] }),
  ),
  recipe('an element type that does not exist', invalid, () =>
    adding([reduced('e')], { constants: [tensor({ name: 'e', dims: [1], type: 77, raw: new Uint8Array(4) })] }),
  ),
  recipe('data twice over', invalid, () =>
    adding([reduced('e')], {
      constants: [tensor({ name: 'e', dims: [1], raw: new Uint8Array(4), more: [onnx.bytes(4, new Uint8Array(4))] })],
    }),
  ),
]

const ports: readonly Recipe[] = [
  recipe('another name for its input', invalid, () => classifier({ inputs: [port('ids', int64, ['b', 't']), mask] })),
  recipe('an input more', invalid, () => classifier({ inputs: [ids, mask, port('pixel_values', float32, ['b', 3])] })),
  recipe('no input at all', invalid, () => classifier({ inputs: [] })),
  recipe('ids as floats', invalid, () => classifier({ inputs: [port('input_ids', float32, ['b', 't']), mask] })),
  recipe('a batch of one, always', invalid, () => classifier({ inputs: [port('input_ids', int64, [1, 't']), mask] })),
  recipe('an input of five dimensions', invalid, () =>
    classifier({ inputs: [port('input_ids', int64, ['a', 'b', 'c', 'd', 'e']), mask] }),
  ),
  recipe('another name for its output', invalid, () => classifier({ outputs: [port('scores', float32, ['b', 3])] })),
  recipe('no output', invalid, () => classifier({ outputs: [] })),
  recipe('logits in float16', invalid, () => classifier({ outputs: [port('logits', float16, ['b', 3])] })),
  recipe('a class per token', invalid, () => classifier({ outputs: [port('logits', float32, ['b', 't', 3])] })),
  recipe('five classes, and says so', invalid, () => classifier({ outputs: [port('logits', float32, ['b', 5])] })),
  recipe('six classes, and does not say so', invalid, () =>
    classifier({
      nodes: [node('Concat', ['base', 'base'], ['logits'], { attributes: [onnx.int('axis', 1)] })],
      outputs: [port('logits', float32, ['b', 'classes'])],
    }),
  ),
  recipe('one row, whatever comes in', invalid, () =>
    classifier({
      nodes: [
        node('ReduceMean', ['base'], ['logits'], { attributes: [onnx.ints('axes', [0]), onnx.int('keepdims', 1)] }),
      ],
      outputs: [port('logits', float32, ['b', 3])],
    }),
  ),
]

const numbers: readonly Recipe[] = [
  recipe('weights that are no numbers', invalid, () =>
    adding([node('Identity', ['n'], ['extra'])], { constants: [floats('n', [1], [Number.NaN])] }),
  ),
  recipe('weights without end', invalid, () =>
    adding([node('Identity', ['n'], ['extra'])], { constants: [floats('n', [1], [Number.POSITIVE_INFINITY])] }),
  ),
  recipe('a logarithm below zero', invalid, () =>
    adding(
      [
        node('Neg', ['mean'], ['m']),
        node('Abs', ['m'], ['a']),
        node('Neg', ['a'], ['b']),
        node('Sub', ['b', 'one'], ['c']),
        node('Log', ['c'], ['extra']),
      ],
      { constants: [floats('one', [1], [1])] },
    ),
  ),
  recipe('a division by zero', invalid, () =>
    adding([node('Sub', ['mean', 'mean'], ['z']), node('Div', ['z', 'z'], ['extra'])]),
  ),
  recipe('ids as row numbers far away', invalid, () =>
    adding([node('Add', ['input_ids', 'far'], ['i']), node('Gather', ['w', 'i'], ['g']), reduced('g')], {
      constants: [int64s('far', [], [1_000_000])],
    }),
  ),
  recipe('no number for one word in three', invalid, () => {
    const rows = Array.from({ length: 200 }, (_, id) => (id % 3 === 1 ? Number.NaN : 0.1))
    return adding(
      [
        node('Gather', ['rows', 'input_ids'], ['g']),
        node('ReduceMean', ['g'], ['extra'], { attributes: [onnx.ints('axes', [1]), onnx.int('keepdims', 1)] }),
      ],
      { constants: [floats('rows', [200], rows)] },
    )
  }),
]

const sizes: readonly Recipe[] = [
  recipe(
    '100 GB at once while it is loaded',
    costly,
    () => adding([node('ConstantOfShape', ['s'], ['z']), reduced('z')], { constants: [axes('s', [25_000_000_000])] }),
    { costly: true },
  ),
  recipe(
    '100 GB at once when it runs',
    costly,
    () =>
      adding([node('Expand', ['mean', 's'], ['z']), reduced('z')], { constants: [axes('s', [1, 25_000, 1_000_000])] }),
    { costly: true },
  ),
  recipe(
    'memory that doubles and doubles',
    costly,
    () => {
      const doubling = Array.from({ length: 34 }, (_, at) =>
        node('Concat', [`d${at}`, `d${at}`], [`d${at + 1}`], { attributes: [onnx.int('axis', 1)] }),
      )
      return adding([node('Identity', ['mean'], ['d0']), ...doubling, reduced('d34')])
    },
    { costly: true },
  ),
  recipe(
    'two gigabytes that are in use',
    costly,
    () =>
      adding([node('Expand', ['mean', 's'], ['z']), node('Exp', ['z'], ['y']), reduced('y')], {
        constants: [axes('s', [1, 1000, 700_000])],
      }),
    { costly: true },
  ),
  recipe(
    'a range without end',
    costly,
    () =>
      adding([node('Range', ['a', 'b', 'd'], ['z']), reduced('z')], {
        constants: [floats('a', [], [0]), floats('b', [], [1e12]), floats('d', [], [1])],
      }),
    { costly: true },
  ),
  recipe(
    'tiles of tiles',
    costly,
    () => adding([node('Tile', ['mean', 'r'], ['z']), reduced('z')], { constants: [axes('r', [1, 60_000_000_000])] }),
    { costly: true },
  ),
  recipe('products that take an hour', ['MODEL_TOO_COSTLY'], () => products(1024, 4000), { costly: true }),
  recipe('products that take seconds a run', ['MODEL_TOO_COSTLY'], () => products(1024, 240), { costly: true }),
]

const broken: readonly Recipe[] = [
  recipe('a node that feeds itself', invalid, () => adding([node('Add', ['base', 'extra'], ['extra'])])),
  recipe('a node that nothing feeds', invalid, () => adding([node('Neg', ['nowhere'], ['extra'])])),
  recipe('one name for two outputs', invalid, () =>
    adding([node('Neg', ['base'], ['extra']), node('Abs', ['base'], ['extra'])]),
  ),
  recipe('an opset of the future', invalid, () => classifier({ model: { opset: 9999 } })),
  recipe('an IR of the future', invalid, () => classifier({ model: { ir: 9999 } })),
  recipe('an opset below zero', anyFault, () => classifier({ model: { opset: -1 } })),
  recipe('no nodes', invalid, () => onnx.model(onnx.graph({ nodes: [], inputs: [ids], outputs: [logits] }))),
  recipe('a choice without branches', invalid, () => adding([condition, node('If', ['true'], ['z']), reduced('z')])),
  recipe('a shape that does not fit', invalid, () =>
    adding([node('Reshape', ['base', 's'], ['z']), reduced('z')], { constants: [axes('s', [7, 11, 13])] }),
  ),
  recipe('a shape below zero at run time', invalid, () =>
    adding([node('Reshape', ['base', 's'], ['z']), reduced('z')], { constants: [axes('s', [-7, -1])] }),
  ),
  recipe('axes far away', invalid, () =>
    adding([node('Unsqueeze', ['base', 's'], ['z']), reduced('z')], { constants: [axes('s', [2 ** 31])] }),
  ),
  recipe('a slice with a step of none', anyFault, () =>
    adding([node('Slice', ['base', 's', 'e', 'a', 's'], ['z']), reduced('z')], {
      constants: [axes('s', [0]), axes('e', [1]), axes('a', [0])],
    }),
  ),
  recipe('the best two billion of three', invalid, () =>
    adding([node('TopK', ['base', 'k'], ['z', 'i']), reduced('z')], { constants: [axes('k', [2 ** 31])] }),
  ),
  recipe('an equation that is none', anyFault, () =>
    adding([
      node('Einsum', ['base', 'base'], ['z'], { attributes: [onnx.text('equation', 'ij,jk->>zz..')] }),
      reduced('z'),
    ]),
  ),
  recipe('a convolution of nothing', anyFault, () =>
    adding([
      node('Conv', ['base', 'w'], ['z'], {
        attributes: [onnx.ints('strides', [0, 0]), onnx.ints('pads', [-9, 1, 2 ** 31, 7])],
      }),
      reduced('z'),
    ]),
  ),
  recipe('padding by two billion', anyFault, () =>
    adding([node('Pad', ['base', 'p'], ['z']), reduced('z')], { constants: [axes('p', [0, 2 ** 31, 0, 2 ** 31])] }),
  ),
  recipe('padding below zero', anyFault, () =>
    adding([node('Pad', ['base', 'p'], ['z']), reduced('z')], { constants: [axes('p', [0, -100, 0, -100])] }),
  ),
  recipe('scattered far away', anyFault, () =>
    adding([node('ScatterND', ['base', 'i', 'w'], ['z']), reduced('z')], {
      constants: [int64s('i', [1, 1], [2 ** 40])],
    }),
  ),
  recipe('an attribute of another kind', anyFault, () =>
    adding([node('Cast', ['base'], ['extra'], { attributes: [onnx.text('to', 'float')] })]),
  ),
  recipe('quantised by nothing', anyFault, () =>
    adding([node('DequantizeLinear', ['q', 'zero'], ['z']), reduced('z')], {
      constants: [tensor({ name: 'q', dims: [4], type: 3, raw: new Uint8Array(4) }), floats('zero', [3], [0, 0, 0])],
    }),
  ),
  recipe('two graphs in one file', invalid, () => onnx.joined([classifier(), classifier()])),
  recipe('fields in groups', invalid, () => onnx.joined([classifier(), Uint8Array.of(0x0b, 0x0c)])),
  recipe('a number without end', invalid, () =>
    onnx.joined([classifier(), Uint8Array.of(0x08), new Uint8Array(20).fill(0xff)]),
  ),
  recipe('a field that claims gigabytes', invalid, () =>
    onnx.joined([classifier(), Uint8Array.of(0x3a), onnx.varint(2 ** 35)]),
  ),
]

const otherFiles: readonly Recipe[] = Object.entries({
  'a gzip bomb': () => new Uint8Array(gzipSync(new Uint8Array(64 * 2 ** 20))),
  'a zip': () => Uint8Array.from([...Buffer.from('PK\u0003\u0004'), ...new Array(200).fill(7)]),
  'a program': () => Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, ...new Array(200).fill(1)]),
  'a script': () => Buffer.from('#!/bin/sh\nrm -rf /\n'),
  'a pickle': () => Buffer.from("\u0080\u0004cos\nsystem\n(S'id'\ntR."),
  'a megabyte of zeros': () => new Uint8Array(2 ** 20),
  'a megabyte of ones': () => new Uint8Array(2 ** 20).fill(0xff),
  'one byte': () => Uint8Array.of(8),
}).map(([name, make]) => recipe(`${name} in the place of the graph`, invalid, make))

/** The same for a variant, beside a graph that is fine. */
const variants: readonly Recipe[] = ['model.int8.onnx', 'model.fp16.onnx'].flatMap((file) =>
  (
    [
      ['an endless loop', unsafe, () => noChange('Loop', 'body', loopBody, ['', 'true', 'base'])],
      [
        'no numbers',
        invalid,
        () => adding([node('Identity', ['n'], ['extra'])], { constants: [floats('n', [1], [Number.NaN])] }),
      ],
      ['noise', invalid, () => new Uint8Array(999).fill(0x77)],
    ] as const
  ).map(
    ([name, refused, make]): Recipe => ({
      group: 'graph',
      name: `${file}: ${name}`,
      refused,
      make: ({ files }) => void files.set(file, make()),
    }),
  ),
)

export const graphs: readonly Recipe[] = [
  ...operators,
  ...externals,
  linked('symbolic', symlinkSync, false),
  linked('hard', linkSync, false),
  linked('symbolic', symlinkSync, true),
  ...shapes,
  ...ports,
  ...numbers,
  ...sizes,
  ...broken,
  ...otherFiles,
  ...variants,
]
