import type { FromWorker } from './protocol.ts'

/** A scoring thread, as the pool sees it, for as long as it has the pool's model. */
export interface Thread {
  score(texts: readonly string[]): void
  /** Of the runs that it has not begun. */
  setPriority(low: boolean): void
  /**
   * Asks it to let go of the model after the run it is in; it may go on to another. It no longer keeps the process alive.
   */
  release(): void
  /**
   * Asks it to end after the run it is in, and no longer keeps the process alive for it. A thread is never terminated
   * from outside: when onnxruntime-node comes back from a run, or from loading, to a thread that has been, it aborts the
   * whole process (1.30, on Node 20, 22 and 24). A run that never returns leaves its thread behind.
   */
  stop(): void
}

export interface ThreadListener {
  onMessage(message: Exclude<FromWorker, { kind: 'unloaded' }>): void
  /** The thread is gone, or has let go of the model; called once, and nothing after it. */
  onExit(reason: string): void
}

/** Gives a thread a model. */
export type StartThread = (listener: ThreadListener) => Thread
