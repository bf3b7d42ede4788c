import { InferenceSession, Tensor } from 'onnxruntime-node'
import { type Example, feedsOf, type InputForm } from './data-batches.ts'
import type { Graph, Model, Node, ValueInfo } from './onnx/model.ts'
import { encodeModel } from './onnx/write.ts'
import type { Feeds } from './parallel/trainer.ts'

/** The layers that stay as they are, computed once for each example by onnxruntime instead of once an epoch. */
export interface Frozen {
  /** What the trainer is fed with in place of the graph's inputs. */
  readonly inputs: readonly string[]
  /** @param examples some of those that were computed: the very objects */
  feedsOf(examples: readonly Example[]): Feeds
}

/** Above this many bytes of values it is better to compute them again. */
const mostBytes = 1 << 30
const runRows = 32

/**
 * @param trainable initialisers that will change; what does not depend on them is computed here
 * @param signal aborting ends it with the signal's reason: nothing is trained yet
 * @returns `undefined` when nothing large is frozen, or its values are not [rows, width] or [rows, tokens, width]
 */
export async function computeFrozen(
  model: Model,
  trainable: readonly string[],
  examples: readonly Example[],
  form: InputForm,
  signal?: AbortSignal,
): Promise<Frozen | undefined> {
  const cut = frontier(model.graph, new Set(trainable))
  if (cut.length === 0) return undefined
  const session = await InferenceSession.create(encodeModel(upTo(model, cut)), { executionProviders: ['cpu'] })
  const values = new Map<Example, readonly Float32Array[]>()
  const widths = new Map<string, readonly number[]>()
  try {
    const sorted = [...new Set(examples)].sort((a, b) => a.ids.length - b.ids.length)
    let bytes = 0
    for (let start = 0; start < sorted.length; start += runRows) {
      signal?.throwIfAborted()
      const rows = sorted.slice(start, start + runRows)
      const tokens = rows.at(-1)?.ids.length ?? 0
      const feeds = Object.entries(feedsOf(rows, form)).map(([name, { dims, data }]) => [
        name,
        new Tensor('int64', BigInt64Array.from(data, BigInt), dims),
      ])
      const outputs = await session.run(Object.fromEntries(feeds))
      const perValue = cut.map((name) => splitRows(outputs[name], rows, tokens))
      if (perValue.some((parts) => parts === undefined)) return undefined
      for (const name of cut) widths.set(name, outputs[name]?.dims.slice(1) ?? [])
      for (const [at, example] of rows.entries()) {
        const own = perValue.map((parts) => parts?.[at] ?? new Float32Array(0))
        bytes += own.reduce((sum, { byteLength }) => sum + byteLength, 0)
        values.set(example, own)
      }
      if (bytes > mostBytes) return undefined
    }
  } finally {
    await session.release()
  }
  return {
    inputs: [...form.inputs, ...cut],
    feedsOf(some) {
      const tokens = some.reduce((most, { ids }) => Math.max(most, ids.length), 1)
      const computed = cut.map((name, value) => {
        const shape = widths.get(name) ?? []
        const dims = [some.length, ...(shape.length === 2 ? [tokens, shape[1] ?? 0] : shape)]
        const rowLength = dims.slice(1).reduce((product, dim) => product * dim, 1)
        const data = new Float32Array(some.length * rowLength) // zeros behind a shorter text: the mask hides them
        for (const [row, example] of some.entries()) {
          const own = values.get(example)?.[value]
          if (own === undefined) throw new Error('an example whose frozen layers were not computed')
          data.set(own, row * rowLength)
        }
        return [name, { dims, data }] as const
      })
      return { ...feedsOf(some, form), ...Object.fromEntries(computed) }
    },
  }
}

/** Copies of each row's part: [width], or [its own tokens, width]. `undefined` for any other shape. */
function splitRows(
  tensor: InferenceSession.OnnxValueMapType[string] | undefined,
  rows: readonly Example[],
  tokens: number,
): readonly Float32Array[] | undefined {
  if (!(tensor?.data instanceof Float32Array)) return undefined
  const { data, dims } = tensor
  const [first, second = 0, width = 1] = dims
  const perToken = dims.length === 3 && second === tokens
  if (first !== rows.length || !(dims.length === 2 || perToken)) return undefined
  const rowLength = second * width
  return rows.map(({ ids }, row) =>
    data.slice(row * rowLength, row * rowLength + (perToken ? ids.length * width : rowLength)),
  )
}

/** Values that the trained part reads from the frozen part and that were made of a text and of frozen parameters. */
function frontier({ nodes, initializers, inputs }: Graph, trainable: ReadonlySet<string>): string[] {
  const warm = new Set(trainable) // depends on what is trained
  const fromText = new Set(inputs.map(({ name }) => name))
  const fromParameters = new Set<string>()
  for (const [name, { type, data }] of initializers) {
    if (/^float/.test(type) && data.length > 1 && !trainable.has(name)) fromParameters.add(name)
  }
  for (const { op, inputs: read, outputs } of nodes) {
    for (const mark of [warm, fromText, fromParameters]) {
      if (op === 'Shape' && mark === fromParameters) continue // a shape holds no value: the trainer makes it again
      if (read.some((name) => mark.has(name))) for (const name of outputs) mark.add(name)
    }
  }
  const isWarm = ({ outputs }: Node) => outputs.some((name) => warm.has(name))
  const read = nodes.filter(isWarm).flatMap(({ inputs: names }) => names)
  return [...new Set(read)].filter(
    (name) => !warm.has(name) && fromText.has(name) && fromParameters.has(name) && !initializers.has(name),
  )
}

/** The part of the graph that the values need. */
function upTo(model: Model, values: readonly string[]): Model {
  const needed = new Set(values)
  const nodes = model.graph.nodes
    .toReversed()
    .filter(({ inputs, outputs }) => {
      const used = outputs.some((name) => needed.has(name))
      if (used) for (const name of inputs) needed.add(name)
      return used
    })
    .toReversed()
  const initializers = new Map([...model.graph.initializers].filter(([name]) => needed.has(name)))
  const outputs = values.map((name): ValueInfo => ({ name, type: 'float32', shape: undefined }))
  return { ...model, graph: { ...model.graph, nodes, initializers, outputs } }
}
