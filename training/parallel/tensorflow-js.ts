import { serveRowTables, standFor } from '../backends/row-tables.ts'
import { selectBackend } from '../backends/select.ts'
import { heapView, refreshed, tensorOverRows } from '../backends/tensors.ts'
import { compile, type HostFeed, parameterValues } from '../program.ts'
import * as tf from '../tf.ts'
import type { Differentiator, DifferentiatorSetup } from './differentiator.ts'
import type { Entry } from './layout.ts'
import { lossOf } from './loss.ts'
import type { RowGradient } from './shared-state.ts'
import { TableRows } from './table-rows.ts'
import type { Feeds } from './trainer.ts'

/** TensorFlow.js on one of its backends: the program runs operation by operation, and the tape runs back. */
export async function openTensorflowJs(setup: DifferentiatorSetup): Promise<Differentiator> {
  const { model, inputs, output, layout, state } = setup
  const backend = await selectBackend(setup.backend)
  const program = compile(model, { inputs, outputs: [output] })
  const trained = new Set([...layout.dense, ...layout.tables].map(({ name }) => name))
  const reached = new Set(program.parameters.map(({ name }) => name))
  const unreached = [...trained].filter((name) => !reached.has(name))
  if (unreached.length > 0) throw new Error(`${output} does not depend on ${unreached.join(', ')}`)
  const values = parameterValues(model, program)
  const frozen = new Map(
    program.parameters
      .filter(({ name }) => !trained.has(name))
      .map(({ name, dims }) => [name, tf.tensor(values.get(name) ?? [], [...dims])]),
  )
  serveRowTables(backend)
  const tables = layout.tables.map((entry, index) => new TableRows(entry, state, index))
  const stands = tables.map((table, index) => {
    const { dims, offset, length } = layout.tables[index] ?? { dims: [], offset: 0, length: 0 }
    const tensor = tensorOverRows(dims, state.weights.subarray(offset, offset + length))
    standFor(tensor, table)
    return tensor
  })
  const names = [...layout.dense, ...layout.tables].map(({ name }) => name)
  const valuesOf = ({ offset, length }: Entry): Float32Array => state.weights.subarray(offset, offset + length)
  let dense = layout.dense.map((entry) => tf.tensor(valuesOf(entry), [...entry.dims]))

  const run = (feeds: Feeds, parameters: readonly tf.Tensor[]): tf.Tensor => {
    const byName = new Map(frozen)
    for (const [index, name] of names.entries()) byName.set(name, parameters[index] as tf.Tensor)
    const [logits] = program.run(asInputs(feeds), byName)
    if (logits === undefined) throw new Error('the program has no output')
    return logits
  }

  return {
    refresh() {
      dense = dense.map((tensor, index) => refreshed(tensor, valuesOf(layout.dense[index] as Entry)))
    },
    logits(feeds) {
      return tf.tidy(() => {
        const logits = run(feeds, [...dense, ...stands])
        for (const table of tables) table.settle()
        return { values: logits.dataSync<'float32'>().slice(), classes: logits.shape.at(-1) ?? 0 }
      })
    },
    gradient(feeds, targetsFor, into, counts) {
      const loss = tf.tidy(() => {
        const parameters = [...dense, ...stands]
        let loss = Number.NaN
        const forward = (...weights: tf.Tensor[]): tf.Tensor => {
          const logits = run(feeds, weights)
          const result = lossOf(logits.dataSync<'float32'>(), targetsFor(logits.shape.at(-1) ?? 0))
          loss = result.loss
          return lastNode(logits, result.gradient)
        }
        const { grads } = tf.valueAndGrads(forward)(parameters)
        for (const [index, { offset }] of layout.dense.entries()) {
          into.dense.set(heapView(grads[index] as tf.Tensor), offset)
        }
        return loss
      })
      for (const [index, table] of tables.entries()) counts[index] = table.drainTo(into.tables[index] as RowGradient)
      return loss
    },
    dispose() {
      tf.dispose([dense, stands, [...frozen.values()]])
    },
  }
}

/** The end of the tape: the loss is computed on the host, in double precision, since the logits are few. */
function lastNode(logits: tf.Tensor, gradient: Float32Array): tf.Tensor {
  const node = tf.customGrad(() => ({
    value: tf.scalar(0),
    gradFunc: () => tf.tensor(gradient, logits.shape),
  }))
  return node(logits)
}

/** Ids stay on the host, where graphs compute with them; floats, such as the output of frozen layers, go to the backend. */
const asInputs = (feeds: Feeds): Record<string, HostFeed | tf.Tensor> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { dims, data }]) => [
      name,
      data instanceof Float32Array ? tf.tensor(data, [...dims]) : { type: 'int32' as const, dims, data },
    ]),
  )
