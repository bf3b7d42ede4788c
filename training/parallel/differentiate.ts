import type { BackendName } from '../backends/backend.ts'
import { serveRowTables, standFor } from '../backends/row-tables.ts'
import { heapView, refreshed, tensorOverRows } from '../backends/tensors.ts'
import type { HostFeed, Program } from '../program.ts'
import * as tf from '../tf.ts'
import type { Entry, Layout } from './layout.ts'
import { type LossTargets, lossOf } from './loss.ts'
import type { GradientBuffer, SharedState } from './shared-state.ts'
import { TableRows } from './table-rows.ts'
import type { Feeds } from './trainer.ts'

/**
 * What a worker can do with its rows of a batch, and all that the rest of the trainer knows of TensorFlow.js: a backend
 * that runs whole training steps in another way implements this.
 */
export interface Differentiator {
  /** The weights have changed. */
  refresh(): void
  /** [rows · classes] */
  logits(feeds: Feeds): { readonly values: Float32Array; readonly classes: number }
  /**
   * Forward and backward.
   *
   * @param targetsFor the loss, once the number of classes is known
   * @param into the gradient of the dense parameters, written whole
   * @returns the loss of these rows
   */
  gradient(feeds: Feeds, targetsFor: (classes: number) => LossTargets, into: GradientBuffer): number
  /** The tables of the layout, whose gradients wait to be drained. */
  readonly tables: readonly TableRows[]
  dispose(): void
}

/**
 * @param frozen the float parameters of the program that are not trained, by name
 */
export function tensorflowDifferentiator(
  program: Program,
  layout: Layout,
  state: SharedState,
  frozen: ReadonlyMap<string, tf.Tensor>,
  backend: BackendName,
): Differentiator {
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
    tables,
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
    gradient(feeds, targetsFor, into) {
      return tf.tidy(() => {
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
    },
    dispose() {
      tf.dispose([dense, stands])
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
