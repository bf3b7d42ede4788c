import { Worker } from 'node:worker_threads'
import { builtModule } from '../core/package-root.ts'
import type { FromWorker, StopFlag, ToWorker, WorkerInput } from './protocol.ts'

/** A scoring thread, as the pool sees it. */
export interface Thread {
  score(texts: readonly string[]): void
  /** Of the runs that it has not begun. */
  setPriority(low: boolean): void
  /**
   * Asks it to end after the run it is in, and no longer keeps the process alive for it. A thread is never terminated
   * from outside: when onnxruntime-node comes back from a run, or from loading, to a thread that has been, it aborts the
   * whole process (1.30, on Node 20, 22 and 24). A run that never returns leaves its thread behind.
   */
  stop(): void
}

export interface ThreadListener {
  onMessage(message: FromWorker): void
  /** The thread is gone; called once. */
  onExit(reason: string): void
}

export type StartThread = (listener: ThreadListener) => Thread

/**
 * Starts threads that score with one model.
 *
 * @param isLow whether a thread that is started now begins with a low priority
 * @param warm whether it compiles its code on made-up posts first, which takes up to 0.2 s
 */
export const startThreads =
  (input: WorkerInput, isLow: () => boolean = () => false, warm = false): StartThread =>
  (listener) => {
    const flag: StopFlag = new Int32Array(new SharedArrayBuffer(4))
    const worker = new Worker(builtModule(import.meta.url, './worker'), {
      workerData: { input, flag, low: isLow(), warm },
      name: 'driftline-inference',
      // Three threads hold 100 MB less than with the default of 48, and the garbage of short texts costs 1 % more time.
      resourceLimits: { maxYoungGenerationSizeMb: 12 },
    })
    let failure: string | undefined
    worker.on('message', (message: FromWorker) => listener.onMessage(message))
    worker.on('error', (error: Error) => {
      failure = error.message
    })
    worker.on('exit', (code) => listener.onExit(failure ?? `the thread ended with code ${code}`))
    const send = (message: ToWorker): void => worker.postMessage(message)
    return {
      score: (texts) => send({ kind: 'score', texts }),
      setPriority: (low) => send({ kind: 'priority', low }),
      stop: () => {
        Atomics.store(flag, 0, 1)
        send({ kind: 'close' })
        worker.unref()
      },
    }
  }
