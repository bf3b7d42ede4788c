import { type Clock, systemClock } from '../core/clock.ts'
import { DriftlineError } from '../core/errors.ts'
import { type Log, silentLog } from '../core/log.ts'
import type { Random } from '../core/random.ts'
import { type BackOff, backOffMs, defaultBackOff, pause } from './back-off.ts'
import type { Flow } from './flow.ts'
import { Lane, type LaneResult } from './lane.ts'
import type { FlowStats } from './metrics.ts'

export interface RunOptions {
  /** Aborted: stop reading, finish what is in flight, close. That is a normal end, not a failure. */
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock
  readonly random?: Random
  readonly log?: Log
  /** How long what is in flight may take once reading has stopped, in milliseconds (default 3,000). */
  readonly drainMs?: number
  readonly backOff?: BackOff
}

export interface RunResult<Position> {
  /** `ended`: every partition has ended; `stopped`: the signal was aborted first. */
  readonly outcome: 'ended' | 'stopped'
  readonly lanes: readonly LaneResult<Position>[]
}

export interface Run<Position> {
  /**
   * @throws whatever a bug in a step threw, after everything was stopped; the error of the first halted partition once
   *   all others have ended; a failure of the source's assignments for good
   */
  readonly done: Promise<RunResult<Position>>
  stats(): FlowStats<Position>
}

/**
 * Runs a flow: one lane for each partition that the source assigns. A partition taken away is drained, and the source's
 * next set is asked for once it is closed.
 */
export function run<Position>(flow: Flow<Position>, options: RunOptions = {}): Run<Position> {
  const runner = new Runner(flow, options)
  return { done: runner.done, stats: () => runner.stats() }
}

class Runner<Position> {
  readonly done: Promise<RunResult<Position>>
  readonly #flow: Flow<Position>
  readonly #env: { clock: Clock; random: Random; log: Log; backOff: BackOff }
  readonly #drainMs: number
  readonly #lanes = new Map<string, Lane<Position>>()
  /** Aborted when nothing new is to be read or assigned. */
  readonly #stop = new AbortController()
  #failure: { readonly error: unknown } | undefined

  constructor(flow: Flow<Position>, options: RunOptions) {
    const { clock = systemClock, random = Math.random, log = silentLog, backOff = defaultBackOff } = options
    this.#flow = flow
    this.#env = { clock, random, log: log.child({ flow: flow.name }), backOff }
    this.#drainMs = options.drainMs ?? 3000
    this.done = this.#run(options.signal)
  }

  stats(): FlowStats<Position> {
    return { flow: this.#flow.name, lanes: [...this.#lanes.values()].map((lane) => lane.stats()) }
  }

  async #run(signal: AbortSignal | undefined): Promise<RunResult<Position>> {
    const stopped = new Promise<void>((resolve) => {
      this.#stop.signal.addEventListener('abort', () => resolve())
    })
    const stop = () => this.#stop.abort()
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop)
    try {
      await Promise.race([this.#follow().catch((error) => this.#fail(error)), stopped])
      await Promise.race([this.#settled(), stopped])
      for (const lane of this.#lanes.values()) lane.drain(this.#drainMs)
      const lanes = await this.#settled()
      if (this.#failure !== undefined) throw this.#failure.error
      const halted = lanes.find(({ state }) => state === 'halted')
      if (halted?.error !== undefined && !this.#stop.signal.aborted) throw halted.error
      return { outcome: this.#stop.signal.aborted ? 'stopped' : 'ended', lanes }
    } finally {
      signal?.removeEventListener('abort', stop)
      stop() // lets go of an assignment that still waits
    }
  }

  /** Opens and closes lanes as the source assigns partitions, until it says that the set is final. */
  async #follow(): Promise<void> {
    const { clock, random, log, backOff } = this.#env
    const { signal } = this.#stop
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        for await (const partitions of this.#flow.assignments(signal)) {
          failures = 0
          await this.#assign(new Set(partitions))
        }
        return
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof DriftlineError && error.retryable)) throw error
        const delayMs = backOffMs(backOff, failures, random)
        log.warn({ err: error, delayMs }, 'the source cannot say what to read; asking again')
        await pause(clock, delayMs, signal)
      }
    }
  }

  async #assign(partitions: ReadonlySet<string>): Promise<void> {
    if (this.#stop.signal.aborted) return
    const { log } = this.#env
    const steps = this.#flow.steps.map(({ name }) => name)
    const revoked = [...this.#lanes.values()].filter(({ partition }) => !partitions.has(partition))
    for (const lane of revoked) lane.drain(this.#drainMs)
    for (const partition of partitions) {
      if (this.#lanes.has(partition)) continue
      const lane = new Lane<Position>(partition, steps, this.#flow.attempt, this.#env)
      this.#lanes.set(partition, lane)
      lane.done.catch((error) => this.#fail(error))
    }
    log.info({ partitions: [...partitions], revoked: revoked.map(({ partition }) => partition) }, 'partitions assigned')
    for (const lane of revoked) {
      await lane.done
      this.#lanes.delete(lane.partition)
    }
  }

  async #settled(): Promise<LaneResult<Position>[]> {
    const settled = await Promise.allSettled([...this.#lanes.values()].map((lane) => lane.done))
    return settled.flatMap((lane) => (lane.status === 'fulfilled' ? [lane.value] : []))
  }

  /** A bug, or a source that cannot be followed: everything stops at once. */
  #fail(error: unknown): void {
    this.#env.log.error({ err: error }, 'flow failed')
    this.#failure ??= { error }
    this.#stop.abort()
    for (const lane of this.#lanes.values()) lane.cancel()
  }
}
