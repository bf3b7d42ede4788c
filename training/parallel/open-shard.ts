import type { BackendName } from '../backends/backend.ts'
import { selectBackend } from '../backends/select.ts'
import type { Model } from '../onnx/model.ts'
import { compile, parameterValues } from '../program.ts'
import * as tf from '../tf.ts'
import { tensorflowDifferentiator } from './differentiate.ts'
import { Shard, type ShardOptions } from './shard.ts'
import type { SharedState } from './shared-state.ts'

/** What a worker needs to start; plain data, so that it can be posted. */
export interface ShardSetup {
  readonly model: Model
  readonly inputs: readonly string[] | undefined
  readonly output: string
  readonly backend: BackendName | 'auto'
  readonly state: SharedState
  readonly options: ShardOptions
}

/** Starts the backend in this thread, compiles the model and uploads the frozen weights. */
export async function openShard(setup: ShardSetup): Promise<{ readonly shard: Shard; readonly backend: BackendName }> {
  const { model, inputs, output, state, options } = setup
  const backend = await selectBackend(setup.backend)
  const program = compile(model, { inputs, outputs: [output] })
  const { layout } = options
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
  const differentiator = tensorflowDifferentiator(program, layout, state, frozen, backend)
  return { shard: new Shard(options, state, differentiator), backend }
}
