import { Worker } from 'node:worker_threads'
import { builtModule } from '../core/package-root.ts'
import type { FromWorker, ToWorker, WorkerInput } from './protocol.ts'

/** A scoring thread, as the pool sees it. */
export interface Thread {
  send(message: ToWorker): void
  /** Ends it at once. A run that never returns cannot be ended: the thread is then left behind. */
  terminate(): void
}

export interface ThreadListener {
  onMessage(message: FromWorker): void
  /** The thread is gone; called once. */
  onExit(reason: string): void
}

export type StartThread = (listener: ThreadListener) => Thread

/** Starts threads that score with one model. */
export const startThreads =
  (input: WorkerInput): StartThread =>
  (listener) => {
    const worker = new Worker(builtModule(import.meta.url, './worker'), {
      workerData: input,
      name: 'driftline-inference',
    })
    let failure: string | undefined
    worker.on('message', (message: FromWorker) => listener.onMessage(message))
    worker.on('error', (error: Error) => {
      failure = error.message
    })
    worker.on('exit', (code) => listener.onExit(failure ?? `the thread ended with code ${code}`))
    return {
      send: (message) => worker.postMessage(message),
      terminate: () => {
        worker.unref()
        void worker.terminate()
      },
    }
  }
