import type { Clock } from '../core/clock.ts'
import { DriftlineError, messageOf } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Random } from '../core/random.ts'
import { type BackOff, backOffMs, pause } from './back-off.ts'
import { alarm } from './bell.ts'
import type { Ending } from './chunk.ts'
import { type LaneState, type LaneStats, Meter } from './metrics.ts'
import { Scope } from './scope.ts'

/** How long a cancelled lane may take to let go of its source and sink, in milliseconds. */
const closeMs = 1000

export interface LaneEnvironment {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly backOff: BackOff
}

export interface LaneResult<Position> {
  readonly partition: string
  readonly state: 'ended' | 'stopped' | 'cancelled' | 'halted'
  /** Of the last checkpoint made durable or found there. */
  readonly position: Position | undefined
  /** Why it halted. */
  readonly error: DriftlineError | undefined
}

/** Runs a partition from its last checkpoint until its end, `lane.stop` or a failure, and closes what it opened. */
export type Attempt<Position> = (lane: Lane<Position>, scope: Scope) => Promise<Ending>

/**
 * One partition on its way through the flow: attempt after attempt, each from the last checkpoint, until it ends, is
 * stopped or fails for good. `LaneState` names the modes it goes through.
 */
export class Lane<Position> {
  readonly partition: string
  readonly clock: Clock
  readonly log: Log
  /** Rejects only for a bug. */
  readonly done: Promise<LaneResult<Position>>
  readonly #random: Random
  readonly #backOff: BackOff
  readonly #meters: ReadonlyMap<string, Meter>
  readonly #stop = new AbortController()
  readonly #silence: (() => void)[] = []
  #abandon: (bug?: { readonly error: unknown }) => void = () => {}
  #scope = new Scope()
  #cancelled = false
  #state: LaneState = 'opening'
  #position: Position | undefined
  #retries = 0
  #rejected = 0
  /** Attempts that failed since anything was last made durable. */
  #failures = 0
  #error: LaneStats<Position>['error']

  constructor(partition: string, steps: readonly string[], attempt: Attempt<Position>, env: LaneEnvironment) {
    this.partition = partition
    this.clock = env.clock
    this.log = env.log.child({ partition })
    this.#random = env.random
    this.#backOff = env.backOff
    this.#meters = new Map(steps.map((step) => [step, new Meter(step)]))
    const abandoned = new Promise<LaneResult<Position>>((resolve, reject) => {
      this.#abandon = (bug) => {
        const result = this.#finish(bug === undefined ? 'cancelled' : 'halted')
        if (bug === undefined) resolve(result)
        else reject(bug.error)
      }
    })
    this.done = Promise.race([this.#run(attempt), abandoned])
  }

  /** Aborted when reading is to stop. */
  get stop(): AbortSignal {
    return this.#stop.signal
  }

  meter(step: string): Meter {
    const meter = this.#meters.get(step)
    if (meter === undefined) throw new Error(`there is no step '${step}'`)
    return meter
  }

  stats(): LaneStats<Position> {
    return {
      partition: this.partition,
      state: this.#state,
      position: this.#position,
      retries: this.#retries,
      rejected: this.#rejected,
      error: this.#error,
      steps: [...this.#meters.values()].map((meter) => meter.read()),
    }
  }

  /** Stops reading and finishes what is in flight; what is not done after `graceMs` is cancelled. */
  drain(graceMs: number): void {
    if (this.stop.aborted || this.#isOver) return
    this.#stop.abort()
    this.#after(graceMs, () => {
      this.log.warn({ graceMs }, 'partition did not drain in time')
      this.cancel()
    })
  }

  /** Lets go of everything at once. What was not durable is read again next time. */
  cancel(): void {
    if (this.#cancelled || this.#isOver) return
    this.#cancelled = true
    this.#stop.abort()
    this.#scope.abort(new Error('the partition was cancelled'))
    this.#abandonLater()
  }

  /** The attempt failed and now closes what it opened, which can take its time: the failure shows at once. */
  failed(error: unknown): void {
    if (this.#cancelled) return
    this.#note(error)
    if (!(error instanceof DriftlineError)) this.#abandonLater({ error })
    else if (error.retryable) this.#enter('retrying')
  }

  opened(position: Position | undefined): void {
    this.#position = position
    this.#enter('running')
  }

  written(position: Position): void {
    this.#position = position
    this.#failures = 0
  }

  rejected(items: number, error: DriftlineError): void {
    this.#rejected += items
    this.log.warn({ items, err: error }, 'items rejected for good')
  }

  /** Repeats `action` while its failures are worth it; `undefined` when the flow stops and it failed once more. */
  async persist<Value>(action: () => Promise<Value>): Promise<{ readonly value: Value } | undefined> {
    for (let failures = 0; ; failures++) {
      const lastTry = failures > 0 && this.stop.aborted
      try {
        const value = await action()
        if (failures > 0) this.#enter('running')
        return { value }
      } catch (error) {
        if (!(error instanceof DriftlineError && error.retryable) || this.#cancelled) throw error
        if (lastTry) {
          this.log.warn({ err: error }, 'stopped before a write succeeded; its items are read again next time')
          return undefined
        }
        await this.#pause(error, failures)
        if (this.#cancelled) throw error
      }
    }
  }

  async #run(attempt: Attempt<Position>): Promise<LaneResult<Position>> {
    for (;;) {
      const ending = this.stop.aborted ? ({ kind: 'stopped' } as const) : await attempt(this, this.#scope)
      if (ending.kind !== 'failed') return this.#finish(ending.kind)
      const { error } = ending
      if (this.#cancelled) {
        this.log.debug({ err: error }, 'partition cancelled')
        return this.#finish('cancelled')
      }
      this.#note(error)
      if (!(error instanceof DriftlineError)) {
        this.#finish('halted')
        throw error
      }
      if (!error.retryable) {
        this.log.error({ err: error, hint: error.hint }, 'partition halted')
        return this.#finish('halted', error)
      }
      await this.#pause(error, this.#failures++)
      this.#scope = new Scope()
      this.#enter('opening')
    }
  }

  async #pause(error: DriftlineError, failures: number): Promise<void> {
    this.#retries++
    this.#note(error)
    this.#enter('retrying')
    const delayMs = backOffMs(this.#backOff, failures, this.#random)
    this.log.warn({ err: error, delayMs }, 'partition tries again')
    await pause(this.clock, delayMs, this.stop)
  }

  #note(error: unknown): void {
    const code = error instanceof DriftlineError ? error.code : undefined
    this.#error = { code, message: messageOf(error), atMs: this.clock.now() }
  }

  #enter(state: LaneState): void {
    if (!this.#isOver) this.#state = state
  }

  #finish(state: LaneResult<Position>['state'], error?: DriftlineError): LaneResult<Position> {
    this.#enter(state)
    for (const silence of this.#silence) silence()
    return { partition: this.partition, state, position: this.#position, error }
  }

  get #isOver(): boolean {
    return ['ended', 'stopped', 'cancelled', 'halted'].includes(this.#state)
  }

  #abandonLater(bug?: { readonly error: unknown }): void {
    this.#after(closeMs, () => {
      this.log.warn({ closeMs }, 'partition did not let go of its source and sink')
      this.#abandon(bug)
    })
  }

  #after(ms: number, act: () => void): void {
    this.#silence.push(alarm(this.clock, ms, act))
  }
}
