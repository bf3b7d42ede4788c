import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { DriftlineError, type ErrorCode, messageOf } from '../../core/errors.ts'
import type { BackendName } from '../backends/backend.ts'
import { type Answer, answer, type Request } from './member.ts'
import { openShard, type ShardSetup } from './open-shard.ts'

/** An error as it crosses threads: `code` is absent when it is none of the catalogue's. */
export interface PostedError {
  readonly code: ErrorCode | undefined
  readonly details: Readonly<Record<string, unknown>>
  readonly message: string
  readonly stack: string | undefined
}

/** What a worker posts: first `ready`, then one answer or error for each request, in order. */
export type Reply =
  | { readonly kind: 'ready'; readonly backend: BackendName }
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'error'; readonly error: PostedError }

const posted = (error: unknown): PostedError => ({
  code: error instanceof DriftlineError ? error.code : undefined,
  details: error instanceof DriftlineError ? error.details : {},
  message: messageOf(error),
  stack: error instanceof Error ? error.stack : undefined,
})

if (!isMainThread && parentPort !== null) {
  const port = parentPort
  const reply = (message: Reply): void => port.postMessage(message)
  try {
    const { shard, backend } = await openShard(workerData as ShardSetup)
    port.on('message', (request: Request) => {
      try {
        reply({ kind: 'answer', answer: answer(shard, request) })
      } catch (error) {
        reply({ kind: 'error', error: posted(error) })
      }
    })
    reply({ kind: 'ready', backend })
  } catch (error) {
    reply({ kind: 'error', error: posted(error) })
  }
}
