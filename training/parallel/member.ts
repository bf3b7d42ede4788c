import type { BackendName } from '../backends/backend.ts'
import { openShard, type ShardSetup } from './open-shard.ts'
import type { ShardResult, ShardTask } from './shard.ts'
import type { SharedState } from './shared-state.ts'
import type { Feeds } from './trainer.ts'

/** What is asked of one worker, in its thread or in the caller's. One request at a time. */
export type Request =
  | { readonly kind: 'step'; readonly task: ShardTask }
  | { readonly kind: 'logits'; readonly feeds: Feeds }
  | { readonly kind: 'state'; readonly state: SharedState }
  | { readonly kind: 'invalidate' }

export type Answer = ShardResult | Float32Array | undefined

/** A worker as the trainer sees it. */
export interface Member {
  /** @throws DriftlineError `TRAINING_MEMORY`, `TRAINING_FAILED`, or what else the step threw */
  ask(request: Request): Promise<Answer>
  close(): Promise<void>
}

/** A worker that runs in the caller's thread. */
export async function localMember(setup: ShardSetup): Promise<{ member: Member; backend: BackendName }> {
  const { shard, backend } = await openShard(setup)
  return {
    backend,
    member: {
      ask: async (request) => answer(shard, request),
      close: async () => shard.dispose(),
    },
  }
}

export function answer(shard: Awaited<ReturnType<typeof openShard>>['shard'], request: Request): Answer {
  switch (request.kind) {
    case 'step':
      return shard.step(request.task)
    case 'logits':
      return shard.logits(request.feeds)
    case 'state':
      shard.replaceState(request.state)
      return undefined
    case 'invalidate':
      shard.invalidate()
      return undefined
  }
}
