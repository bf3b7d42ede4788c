import type { ErrorCode } from '../core/errors.ts'

/** What one step of one lane did since the run began. Times are milliseconds. */
export interface StepStats {
  readonly step: string
  /** Items. For the source, what its reader returned. */
  readonly in: number
  readonly out: number
  /** In the step's own code; calls of an async step that overlap are added up. */
  readonly busyMs: number
  /** Waiting for input. */
  readonly waitingMs: number
  /** Waiting for room further down: the step is held up by what follows. */
  readonly blockedMs: number
  /** Chunks that wait before the step. Operators in a row share the queue of the first. */
  readonly queued: number
}

/**
 * opening → running ⇄ retrying (which opens again) → one of the last four:
 * `ended` (the partition is over), `stopped` (drained on request), `cancelled` (did not drain in time), `halted` (failed
 * for good, see `error`).
 */
export type LaneState = 'opening' | 'running' | 'retrying' | 'ended' | 'stopped' | 'cancelled' | 'halted'

export interface LaneStats<Position> {
  readonly partition: string
  readonly state: LaneState
  /** Of the last checkpoint made durable or found there. */
  readonly position: Position | undefined
  readonly retries: number
  /** Items handed to `onRejected`. */
  readonly rejected: number
  /** The last failure, kept after it was overcome. */
  readonly error: { readonly code: ErrorCode | undefined; readonly message: string; readonly atMs: number } | undefined
  readonly steps: readonly StepStats[]
}

export interface FlowStats<Position> {
  readonly flow: string
  readonly lanes: readonly LaneStats<Position>[]
}

/** Counts for one step; the only thing on the hot path is adding numbers, once per chunk. */
export class Meter {
  readonly step: string
  in = 0
  out = 0
  busyMs = 0
  waitingMs = 0
  blockedMs = 0
  queue: { readonly length: number } | undefined

  constructor(step: string) {
    this.step = step
  }

  read(): StepStats {
    const { step, busyMs, waitingMs, blockedMs } = this
    return { step, in: this.in, out: this.out, busyMs, waitingMs, blockedMs, queued: this.queue?.length ?? 0 }
  }
}

/** Elapsed time for meters. Not the injected clock: no decision rests on it, and it must see microseconds. */
export const stopwatch = (): number => performance.now()
