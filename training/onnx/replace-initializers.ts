import { DriftlineError } from '../../core/errors.ts'
import { toFloat16 } from './float16.ts'
import type { Model, Tensor } from './model.ts'

/**
 * The same model with other numbers: a float32 initialiser takes the values as they are (the array is not copied), a
 * float16 one rounds them.
 *
 * @param values by name of the initialiser, as many as it has elements
 * @throws DriftlineError `MODEL_INVALID` for a name that is no float initialiser, or another number of values
 */
export function replaceInitializers(model: Model, values: ReadonlyMap<string, Float32Array>): Model {
  const initializers = new Map(model.graph.initializers)
  for (const [name, data] of values) {
    const old = initializers.get(name)
    if (old === undefined) throw new DriftlineError('MODEL_INVALID', { reason: 'no such initialiser', name })
    initializers.set(name, withData(old, data))
  }
  return { ...model, graph: { ...model.graph, initializers } }
}

function withData(old: Tensor, data: Float32Array): Tensor {
  const { name, dims, unparsed } = old
  if (old.data.length !== data.length) {
    const details = { reason: 'another number of values', name, dims, values: data.length }
    throw new DriftlineError('MODEL_INVALID', details)
  }
  if (old.type === 'float32') return { name, dims, unparsed, type: 'float32', data }
  if (old.type === 'float16') return { name, dims, unparsed, type: 'float16', data: toFloat16(data) }
  throw new DriftlineError('MODEL_INVALID', { reason: 'not a float initialiser', name, type: old.type })
}
