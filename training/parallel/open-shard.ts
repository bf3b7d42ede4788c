import type { BackendName } from '../backends/backend.ts'
import { backendFor } from '../backends/select.ts'
import type { DifferentiatorSetup, OpenDifferentiator } from './differentiator.ts'
import { Shard, type ShardOptions } from './shard.ts'
import { openTensorflowJs } from './tensorflow-js.ts'

/** What a worker needs to start; plain data, so that it can be posted. */
export interface ShardSetup extends Omit<DifferentiatorSetup, 'backend' | 'layout'> {
  readonly backend: BackendName | 'auto'
  readonly options: ShardOptions
}

/** A new backend is a line here, one in backends/backend.ts, and a file that implements `Differentiator`. */
const openers: Readonly<Record<BackendName, OpenDifferentiator>> = {
  tensorflow: openTensorflowJs,
  wasm: openTensorflowJs,
  cpu: openTensorflowJs,
}

/** Starts the backend in this thread, with the model compiled and the frozen weights in place. */
export async function openShard(setup: ShardSetup): Promise<{ readonly shard: Shard; readonly backend: BackendName }> {
  const { options, state } = setup
  const backend = backendFor(setup.backend)
  const differentiator = await openers[backend]({ ...setup, backend, layout: options.layout })
  return { shard: new Shard(options, state, differentiator), backend }
}
