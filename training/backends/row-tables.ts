import * as tf from '../tf.ts'

/**
 * A look-up table whose rows stay on the host. Gather reads the rows that it needs from here, and their gradient comes
 * back here: neither the table nor its gradient ever exists on the backend.
 */
export interface RowTable {
  readonly width: number
  /** Writes row `ids[i]` to `into` at `i · width`. */
  read(ids: Int32Array, into: Float32Array): void
  /** Adds `gradient` at `i · width` to that of row `ids[i]`. */
  addGradient(ids: Int32Array, gradient: Float32Array): void
}

/** By the data of the tensor that stands for the table in a graph. */
const tables = new WeakMap<object, RowTable>()

/** Marks `tensor`, whose values are never read, as standing for `table`. Gather must be its only reader, on axis 0. */
export function standFor(tensor: tf.Tensor, table: RowTable): void {
  tables.set(tensor.dataId, table)
}

const GatherV2 = 'GatherV2'
const served = new Set<string>()

/** Makes Gather, and its gradient, know the tables. Once for each backend and thread. */
export function serveRowTables(backendName: string): void {
  if (served.has(backendName)) return
  if (served.size === 0) serveGradients()
  served.add(backendName)
  const stock = tf.getKernel(GatherV2, backendName)
  tf.unregisterKernel(GatherV2, backendName)
  tf.registerKernel({
    ...stock,
    kernelFunc(call) {
      const { x, indices } = call.inputs
      const table = x === undefined ? undefined : tables.get(x.dataId)
      if (table === undefined || indices === undefined) return stock.kernelFunc(call)
      const ids = tf.engine().readSync(indices.dataId) as Int32Array
      const shape = [...indices.shape, table.width]
      const values = new Float32Array(ids.length * table.width)
      table.read(ids, values)
      return tf.engine().makeTensor(values, shape, 'float32')
    },
  })
}

function serveGradients(): void {
  const stock = tf.getGradient(GatherV2)
  tf.unregisterGradient(GatherV2)
  tf.registerGradient({
    ...stock,
    gradFunc(dy, saved, attributes) {
      const [x, indices] = saved
      const table = x === undefined ? undefined : tables.get(x.dataId)
      if (table === undefined || x === undefined || indices === undefined) return stock.gradFunc(dy, saved, attributes)
      return {
        x: () => {
          if (!(dy instanceof tf.Tensor)) throw new Error('Gather has one output')
          table.addGradient(indices.dataSync<'int32'>(), dy.dataSync<'float32'>())
          return x.clone() // only its shape matters: the gradient went to the table
        },
        indices: () => indices,
      }
    },
  })
}
