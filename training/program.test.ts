import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import * as ort from 'onnxruntime-node'
import { beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'
import { selectBackend } from './backends/select.ts'
import { testBackend } from './backends/testing/backend.ts'
import { firstDisagreement } from './first-disagreement.ts'
import { int64 } from './kernels/testing/case.ts'
import { modelOf, never, node } from './kernels/testing/one-node.ts'
import type { Model, Node, Tensor } from './onnx/model.ts'
import { parseModel } from './onnx/parse.ts'
import { compile, type HostFeed, type Program, parameterValues } from './program.ts'
import * as tf from './tf.ts'

const fixtures = join(packageRoot, 'test/fixtures/hf-classifiers')
const read = (file: string): Buffer => readFileSync(join(fixtures, file))
const files = readdirSync(fixtures).filter((file) => file.endsWith('.onnx'))

interface Oracle {
  readonly rows: number
  readonly tokens: number
  readonly logits: readonly number[]
  readonly [input: string]: number | readonly number[]
}
const oracle = (file: string): Oracle[] => JSON.parse(read(file.replace(/\..*/, '.logits.json')).toString())

const feedsOf = (program: Program, it: Oracle): Record<string, HostFeed> =>
  Object.fromEntries(
    program.inputs.map((name) => [name, { dims: [it.rows, it.tokens], data: Int32Array.from(it[name] as number[]) }]),
  )

const tensorsOf = (model: Model, program: Program): Map<string, tf.Tensor> => {
  const values = parameterValues(model, program)
  return new Map(
    program.parameters.map(({ name, dims }) => [name, tf.tensor(values.get(name) ?? never(name), [...dims])]),
  )
}

beforeAll(async () => {
  await selectBackend(testBackend)
})

describe.each(files)('%s', (file) => {
  const model = parseModel(read(file))
  const program = compile(model)

  test('gives the logits of onnxruntime and of PyTorch within 1e-4 at every length from 1 to 32', async () => {
    const parameters = tensorsOf(model, program)
    const session = await ort.InferenceSession.create(read(file))
    for (const it of oracle(file)) {
      const feeds = feedsOf(program, it)
      const [logits] = program.run(feeds, parameters)
      const ours = logits?.dataSync() ?? []
      const inputs = Object.entries(feeds).map(([name, { dims, data }]) => [
        name,
        new ort.Tensor('int64', BigInt64Array.from(data, BigInt), [...dims]),
      ])
      const theirs = (await session.run(Object.fromEntries(inputs))).logits?.data ?? []
      logits?.dispose()
      for (const [index, expected] of it.logits.entries()) {
        const where = `length ${it.tokens}, logit ${index}`
        expect(Math.abs((ours[index] ?? Number.NaN) - expected), where).toBeLessThan(1e-4)
        expect(Math.abs((ours[index] ?? Number.NaN) - Number(theirs[index])), where).toBeLessThan(1e-4)
      }
    }
    await session.release()
    tf.dispose([...parameters.values()])
  })

  test('agrees with onnxruntime in every value on the way', async () => {
    const it = oracle(file)[10] ?? never('a batch')
    expect(await firstDisagreement(model, feedsOf(program, it))).toBe(undefined)
  })

  test('has a finite gradient for every parameter, and keeps nothing', () => {
    const parameters = tensorsOf(model, program)
    const names = [...parameters.keys()]
    const it = oracle(file)[14] ?? never('a batch')
    const feeds = feedsOf(program, it)
    const step = () =>
      tf.tidy(() =>
        tf
          .grads((...values: tf.Tensor[]) => {
            const [logits] = program.run(
              feeds,
              new Map(names.map((name, index) => [name, values[index] ?? never(name)])),
            )
            return tf.sum(tf.square(logits ?? never('logits')))
          })([...parameters.values()])
          .map((gradient) => gradient.dataSync()),
      )
    const before = tf.memory().numTensors
    const gradients = step()
    expect(tf.memory().numTensors).toBe(before)
    for (const [index, gradient] of gradients.entries()) {
      expect(gradient.every(Number.isFinite), names[index]).toBe(true)
      // A key's bias moves all scores of a query alike, which a softmax does not notice.
      const matters = !/k(ey)?(_lin|_proj)?\.bias|attn\.k\.bias/.test(names[index] ?? '')
      if (matters)
        expect(
          gradient.some((value) => value !== 0),
          names[index],
        ).toBe(true)
    }
    tf.dispose([...parameters.values()])
  })
})

describe('a graph', () => {
  const float = (dims: readonly number[], values: readonly number[]): Tensor => ({
    name: '',
    type: 'float32',
    dims,
    data: Float32Array.from(values),
  })
  const input = { name: 'x', type: 'float32', shape: ['n', 2] } as const
  const graph = (
    nodes: readonly Node[],
    initializers: Record<string, Tensor> = {},
    outputs = ['y'],
    opset = 17,
  ): Model => {
    const model = modelOf(nodes, [input], outputs, opset)
    const entries = Object.entries(initializers).map(([name, tensor]) => [name, { ...tensor, name }] as const)
    return { ...model, graph: { ...model.graph, initializers: new Map(entries) } }
  }
  const x: HostFeed = { dims: [2, 2], data: Float32Array.of(1, -2, 3, 4) }
  const result = (
    program: Program,
    feeds: Record<string, HostFeed | tf.Tensor> = { x },
    parameters = new Map<string, tf.Tensor>(),
  ): number[][] => tf.tidy(() => program.run(feeds, parameters).map((output) => Array.from(output.dataSync())))

  test('with an operator that we do not have is refused, with all that names it', () => {
    const unknown: Node = { ...node('FusedMatMul', ['x', 'x'], ['y']), domain: 'com.microsoft' }
    const model = {
      ...graph([unknown]),
      opsets: new Map([
        ['', 17],
        ['com.microsoft', 1],
      ]),
    }
    const details = { op: 'FusedMatMul', domain: 'com.microsoft', opset: 1, node: 'the FusedMatMul' }
    expect(() => compile(model)).toThrow(expect.objectContaining({ code: 'OPERATOR_UNSUPPORTED', details }))
    expect(() => compile(graph([node('Gelu', ['x'], ['y'])]))).toThrow(
      expect.objectContaining({ details: { op: 'Gelu', domain: 'ai.onnx', opset: 17, node: 'the Gelu' } }),
    )
  })

  test('with a setting that we do not have is refused too', () => {
    const model = graph([node('Pad', ['x', 'p'], ['y'], { mode: 'reflect' })], { p: int64([4], [0, 1, 0, 1]) })
    expect(() => compile(model)).toThrow(expect.objectContaining({ code: 'OPERATOR_UNSUPPORTED' }))
  })

  test('that wants an output that we do not have is refused too', () => {
    const model = graph([node('MaxPool', ['x'], ['y', 'indices'], { kernel_shape: [2n] })])
    expect(() => compile(model)).toThrow(expect.objectContaining({ code: 'OPERATOR_UNSUPPORTED' }))
  })

  test('from a damaged file is refused, or fails with its node, or runs', () => {
    const original = new Uint8Array(read('mpnet.torchscript.onnx'))
    const flips = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 })
    const it = oracle('mpnet.torchscript.onnx')[4] ?? never('a batch')
    fc.assert(
      fc.property(flips, (changes) => {
        const damaged = new Uint8Array(original)
        for (const [at, value] of changes) damaged[at] = value
        try {
          const model = parseModel(damaged)
          const program = compile(model)
          if (!program.inputs.every((name) => name in it)) return
          tf.tidy(() => [...program.run(feedsOf(program, it), tensorsOf(model, program))])
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/MODEL_INVALID|OPERATOR_UNSUPPORTED/) })
        }
      }),
      { numRuns: 60, seed: 7 },
    )
  })

  test.each([10, 22])('of opset %i is refused', (opset) => {
    const model = graph([node('Identity', ['x'], ['y'])], {}, ['y'], opset)
    expect(() => compile(model)).toThrow(expect.objectContaining({ code: 'OPERATOR_UNSUPPORTED' }))
  })

  test.each([
    ['in the wrong order', [node('Neg', ['a'], ['y']), node('Neg', ['x'], ['a'])], ['y']],
    ['that reads itself', [node('Neg', ['y'], ['y'])], ['y']],
    ['that makes a value twice', [node('Neg', ['x'], ['y']), node('Abs', ['x'], ['y'])], ['y']],
    ['without what is asked for', [node('Neg', ['x'], ['a'])], ['y']],
  ])('%s is refused', (_, nodes, outputs) => {
    expect(() => compile(graph(nodes, {}, outputs))).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }))
  })

  test.each([
    ['ConstantOfShape', [node('ConstantOfShape', ['s'], ['c']), node('Add', ['x', 'c'], ['y'])]],
    ['Expand', [node('Expand', ['x', 's'], ['y'])]],
    ['Tile', [node('Tile', ['x', 's'], ['y'])]],
    ['Range', [node('Range', ['zero', 'huge', 'one'], ['r']), node('Gather', ['x', 'r'], ['y'])]],
  ])('that asks for a giant tensor by %s is refused instead', (_, nodes) => {
    const scalars = { zero: int64([], [0]), one: int64([], [1]), huge: int64([], [2 ** 45]) }
    const constants = { s: int64([2], [2 ** 40, 2 ** 20]), ...scalars }
    expect(() => result(compile(graph(nodes, constants)))).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }))
  })

  test('that does not fit its feeds says which node failed', () => {
    const program = compile(graph([node('MatMul', ['x', 'w'], ['y'])], { w: float([3, 1], [1, 2, 3]) }))
    expect(() => result(program, { x }, new Map([['w', tf.zeros([3, 1])]]))).toThrow(
      expect.objectContaining({ code: 'MODEL_INVALID', details: expect.objectContaining({ node: 'the MatMul' }) }),
    )
  })

  test('has its float initialisers as parameters, but for scalars and what no output needs', () => {
    const nodes = [node('MatMul', ['x', 'w'], ['a']), node('Mul', ['a', 'half'], ['y'])]
    const program = compile(
      graph(nodes, { w: float([2, 1], [1, 1]), half: float([], [0.5]), idle: float([2], [1, 2]) }),
    )
    expect(program.parameters).toEqual([{ name: 'w', dims: [2, 1] }])
    expect(result(program, { x }, new Map([['w', tf.tensor2d([1, 1], [2, 1])]]))).toEqual([[-0.5, 3.5]])
  })

  test('of float16 is computed in float32', () => {
    const w: Tensor = { name: 'w', type: 'float16', dims: [2], data: Uint16Array.of(0x3c00, 0xc000) }
    const model = graph([node('Mul', ['x', 'w'], ['y'])], { w })
    expect(parameterValues(model, compile(model)).get('w')).toEqual(Float32Array.of(1, -2))
  })

  test('cut at one of two outputs of a node takes what is fed', () => {
    const nodes = [node('Split', ['x'], ['a', 'b'], { axis: 0n }), node('Add', ['a', 'b'], ['y'])]
    const program = compile(graph(nodes), { inputs: ['x', 'a'] })
    expect(result(program, { x, a: { dims: [1, 2], data: Float32Array.of(10, 20) } })).toEqual([[13, 24]])
  })

  test('cut in two gives what it gives whole', () => {
    const model = parseModel(read('roberta.torchscript.onnx'))
    const whole = compile(model)
    const at = '/model/roberta/encoder/layer.0/output/LayerNorm/Add_1_output_0'
    const [lower, upper] = [
      compile(model, { outputs: [at] }),
      compile(model, { inputs: ['input_ids', 'attention_mask', at] }),
    ]
    const it = oracle('roberta.torchscript.onnx')[9] ?? never('a batch')
    const feeds = feedsOf(whole, it)
    const parameters = tensorsOf(model, whole)
    const [hidden = never('a result')] = lower.run(feeds, parameters)
    expect(result(upper, { ...feeds, [at]: hidden }, parameters)).toEqual(result(whole, feeds, parameters))
    // The older exporter asks the embeddings for their shape, so that they are still there above the cut.
    expect(upper.parameters.map(({ name }) => name).filter((name) => /layer\.0/.test(name))).toEqual([])
    expect(lower.parameters.map(({ name }) => name).filter((name) => /layer\.1|classifier/.test(name))).toEqual([])
  })

  describe('with an If', () => {
    const branch = (op: string) => ({
      name: op,
      nodes: [node(op, ['x'], [op])],
      initializers: new Map(),
      inputs: [],
      outputs: [{ name: op, type: 'other' as const, shape: undefined }],
    })
    const choose = node('If', ['c'], ['y'], { then_branch: branch('Neg'), else_branch: branch('Abs') })
    const bool = (value: number): Tensor => ({ name: '', type: 'bool', dims: [], data: Uint8Array.of(value) })

    test('over a constant runs the branch that it chooses', () => {
      expect(result(compile(graph([choose], { c: bool(1) })))).toEqual([[-1, 2, -3, -4]])
      expect(result(compile(graph([choose], { c: bool(0) })))).toEqual([[1, 2, 3, 4]])
    })

    test('may hold anything in the other branch', () => {
      const other = node('If', ['c'], ['y'], { then_branch: branch('Neg'), else_branch: branch('Loop') })
      expect(result(compile(graph([other], { c: bool(1) })))).toEqual([[-1, 2, -3, -4]])
      expect(() => compile(graph([other], { c: bool(0) }))).toThrow(
        expect.objectContaining({ code: 'OPERATOR_UNSUPPORTED' }),
      )
    })

    test('may hand on what is around it, and read it again', () => {
      const through = {
        ...branch('Neg'),
        nodes: [],
        outputs: [{ name: 'a', type: 'other' as const, shape: undefined }],
      }
      const pass = node('If', ['c'], ['b'], { then_branch: through, else_branch: branch('Abs') })
      const nodes = [node('Abs', ['x'], ['a']), pass, node('Neg', ['b'], ['d']), node('Add', ['a', 'd'], ['y'])]
      expect(result(compile(graph(nodes, { c: bool(1) })))).toEqual([[0, 0, 0, 0]])
    })

    test('over a shape decides in each run', () => {
      const nodes = [
        node('Shape', ['x'], ['s']),
        node('Gather', ['s', 'zero'], ['n']),
        node('Equal', ['n', 'two'], ['c']),
      ]
      const program = compile(graph([...nodes, choose], { zero: int64([], [0]), two: int64([], [2]) }))
      expect(result(program)).toEqual([[-1, 2, -3, -4]])
      expect(result(program, { x: { dims: [1, 2], data: Float32Array.of(-7, 8) } })).toEqual([[7, 8]])
    })
  })

  test('holds few of its values at a time', async () => {
    const nodes = Array.from({ length: 50 }, (_, index) =>
      node('Neg', [index === 0 ? 'x' : `v${index}`], [index === 49 ? 'y' : `v${index + 1}`]),
    )
    const program = compile(graph(nodes))
    const wide = tf.zeros([500, 2])
    const {
      peakBytes,
      newBytes,
      result: end,
    } = await tf.profile(() => {
      tf.dispose([...program.run({ x: wide }, new Map())])
      return tf.scalar(0)
    })
    expect(peakBytes - newBytes).toBeLessThan(tf.memory().numBytes + 3 * 500 * 2 * 4)
    tf.dispose([wide, end as tf.Tensor])
  })

  test('holds no tensor after 1,000 training steps', () => {
    const nodes = [
      node('Gather', ['e', 'ids'], ['h']), // [n, tokens, 4]
      node('LayerNormalization', ['h', 'g', 'b'], ['l'], { axis: -1n }),
      node('MatMul', ['l', 'w'], ['m']),
      node('Gelu', ['m'], ['a']),
      node('ReduceMean', ['a', 'axes'], ['p'], { keepdims: 0n }),
      node('Softmax', ['p'], ['y']),
    ]
    const ids = { name: 'ids', type: 'int64', shape: ['n', 't'] } as const
    const base = graph(
      nodes,
      {
        e: float([5, 4], [...Array(20).keys()].map(Math.cos)),
        g: float([4], [1, 1, 1, 1]),
        b: float([4], [0, 0, 0, 0]),
        w: float([4, 3], [...Array(12).keys()].map(Math.sin)),
        axes: int64([1], [1]),
      },
      ['y'],
      20,
    )
    const model = { ...base, graph: { ...base.graph, inputs: [ids] } }
    const program = compile(model)
    const variables = [...tensorsOf(model, program)].map(([name, value]) => tf.variable(value, true, name))
    const parameters = new Map<string, tf.Tensor>(variables.map((variable) => [variable.name, variable]))
    const feeds = { ids: { dims: [2, 3], data: Int32Array.of(0, 1, 2, 3, 4, 0) } }
    const before = tf.memory()
    for (let step = 0; step < 1_000; step++) {
      const { value, grads } = tf.variableGrads(() => {
        const [y = never('y')] = program.run(feeds, parameters)
        return tf.neg(tf.mean(tf.log(tf.slice(y, [0, 0], [2, 1])))) as tf.Scalar
      })
      for (const variable of variables) {
        const next = tf.tidy(() => tf.sub(variable, tf.mul(grads[variable.name] ?? never('a gradient'), 0.1)))
        variable.assign(next)
        next.dispose()
      }
      tf.dispose([value, grads])
    }
    expect(tf.memory().numTensors).toBe(before.numTensors)
    expect(tf.memory().numBytes).toBe(before.numBytes)
    tf.dispose(variables)
  })
})

test('a report names the first value that differs, not the last', async () => {
  const model = parseModel(read('bert.dynamo.onnx'))
  const program = compile(model)
  const name = 'model.bert.encoder.layer.1.output.LayerNorm.weight'
  const values = new Map(parameterValues(model, program))
  values.set(
    name,
    Float32Array.from(values.get(name) ?? never(name), (value) => value * 1.01),
  )
  const it = oracle('bert.dynamo.onnx')[5] ?? never('a batch')
  const found = await firstDisagreement(model, feedsOf(program, it), { parameters: values })
  const reader = model.graph.nodes.find(({ inputs }) => inputs.includes(name))
  expect(found).toMatchObject({ op: 'LayerNormalization', value: reader?.outputs[0] })
})
