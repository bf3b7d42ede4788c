import { Worker } from 'node:worker_threads'
import { DriftlineError } from '../../core/errors.ts'
import { builtModule } from '../../core/package-root.ts'
import type { BackendName } from '../backends/backend.ts'
import type { Answer, Member } from './member.ts'
import type { ShardSetup } from './open-shard.ts'
import type { PostedError, Reply } from './worker.ts'

/** Starts a worker thread; resolves once its model is compiled. */
export const threadMember = (setup: ShardSetup): Promise<{ member: Member; backend: BackendName }> =>
  superviseWorker(new Worker(builtModule(import.meta.url, './worker'), { workerData: setup }), setup.options.index)

/** Speaks to a worker; whatever kills it rejects the request in flight and every later one. */
export async function superviseWorker(
  worker: Worker,
  index: number,
): Promise<{ member: Member; backend: BackendName }> {
  let waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined
  let dead: DriftlineError | undefined
  const fail = (cause: unknown, details: Readonly<Record<string, unknown>>): void => {
    dead ??= new DriftlineError('TRAINING_FAILED', { worker: index, ...details }, { cause })
    waiting?.reject(dead)
    waiting = undefined
  }
  worker.on('message', (reply: Reply) => {
    const { resolve } = waiting ?? {}
    waiting = undefined
    resolve?.(reply)
  })
  worker.on('error', (error) => fail(error, { reason: error.message }))
  worker.on('exit', (code) => fail(undefined, { reason: 'the thread ended', code }))

  const next = (): Promise<Reply> =>
    new Promise((resolve, reject) => {
      if (dead !== undefined) reject(dead)
      else waiting = { resolve, reject }
    })
  const first = await next()
  if (first.kind !== 'ready') throw first.kind === 'error' ? thrown(first.error, index) : new Error('answered unasked')
  return {
    backend: first.backend,
    member: {
      async ask(request): Promise<Answer> {
        const reply = next()
        worker.postMessage(request)
        const answered = await reply
        if (answered.kind === 'error') throw thrown(answered.error, index)
        if (answered.kind === 'ready') throw new Error('ready twice')
        return answered.answer
      },
      async close() {
        await worker.terminate()
      },
    },
  }
}

/** An error of a worker as it is thrown here: its own code, or TRAINING_FAILED with its stack as the cause. */
function thrown({ code, details, message, stack }: PostedError, worker: number): DriftlineError {
  const cause = new Error(message)
  if (stack !== undefined) cause.stack = stack
  if (code !== undefined) return new DriftlineError(code, { ...details, worker }, { cause })
  return new DriftlineError('TRAINING_FAILED', { worker, reason: message }, { cause })
}
