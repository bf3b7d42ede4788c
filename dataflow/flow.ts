import type { AsyncOptions, AsyncStep } from './async-stage.ts'
import { attempt, type Plan } from './attempt.ts'
import { type Chain, sourceChain } from './connect.ts'
import type { GatherOptions } from './gather.ts'
import type { Attempt } from './lane.ts'
import type { Operator } from './operator.ts'
import { single } from './running-operators.ts'
import type { Sink } from './sink.ts'
import type { Source } from './source.ts'
import type { WriteOptions } from './write-stage.ts'

export interface StepInfo {
  /** Unique in its flow and stable: checkpoints are filed under it. */
  readonly name: string
  readonly kind: 'source' | 'operator' | 'async' | 'sink'
  /** For people: what does the work, and its limits. */
  readonly detail: string
}

/** A finished description: nothing happens until `run`. */
export interface Flow<Position = unknown> {
  readonly name: string
  readonly steps: readonly StepInfo[]
  assignments(signal: AbortSignal): AsyncIterable<readonly string[]>
  readonly attempt: Attempt<Position>
}

/**
 * Describes a flow: `flow('score').from('posts', source).through('decode', operator).throughAsync('score', call)
 * .to('scores', sink)`. Each partition of the source runs through steps of its own.
 */
export const flow = (name: string) => ({
  from<Item, Position>(
    step: string,
    source: Source<Item, Position>,
    { maxItems = 1000, maxWaitMs = 20 }: GatherOptions = {},
  ): Steps<Item, Position, Item> {
    atLeast(1, { maxItems })
    atLeast(0, { maxWaitMs })
    const detail = `${source.name}, ≤ ${maxItems} items or ${maxWaitMs} ms`
    const start = { flow: name, source, sourceStep: step, gather: { maxItems, maxWaitMs } }
    return new Steps(start, sourceChain(), [{ name: step, kind: 'source', detail }])
  },
})

type Start<Item, Position> = { readonly flow: string } & Pick<
  Plan<Item, unknown, Position>,
  'source' | 'sourceStep' | 'gather'
>

class Steps<In, Position, Out> {
  readonly #start: Start<In, Position>
  readonly #chain: Chain<In, Out, Position>
  readonly #steps: readonly StepInfo[]

  constructor(start: Start<In, Position>, chain: Chain<In, Out, Position>, steps: readonly StepInfo[]) {
    this.#start = start
    this.#chain = chain
    this.#steps = steps
  }

  /** Adds an operator: pure, synchronous, with a state for each partition that is kept in its checkpoint. */
  through<State, Next>(name: string, operator: Operator<Out, State, Next>): Steps<In, Position, Next> {
    const steps = this.#stepsAnd({ name, kind: 'operator', detail: operator.name })
    return new Steps(this.#start, this.#chain.operator(name, single(name, operator)), steps)
  }

  /**
   * Adds a call for each chunk's items, several at a time; results go on in order. It must be safe to repeat: after a
   * failure the same items come again, grouped differently.
   */
  throughAsync<Next>(
    name: string,
    call: AsyncStep<Out, Next>,
    { concurrency = 2 }: AsyncOptions = {},
  ): Steps<In, Position, Next> {
    atLeast(1, { concurrency })
    const steps = this.#stepsAnd({ name, kind: 'async', detail: `≤ ${concurrency} at a time` })
    return new Steps(this.#start, this.#chain.async(name, call, concurrency), steps)
  }

  to(
    name: string,
    sink: Sink<Out, Position>,
    { maxWriteItems = 10_000, onRejected }: WriteOptions<Out> = {},
  ): Flow<Position> {
    atLeast(1, { maxWriteItems })
    const detail = `${sink.name}, ${sink.delivery}, ≤ ${maxWriteItems} items`
    const steps = this.#stepsAnd({ name, kind: 'sink', detail })
    const { flow, ...start } = this.#start
    const plan: Plan<In, Out, Position> = {
      ...start,
      connect: this.#chain.connect,
      operatorSteps: steps.filter(({ kind }) => kind === 'operator').map((step) => step.name),
      sink,
      sinkStep: name,
      maxWriteItems,
      onRejected,
    }
    return {
      name: flow,
      steps,
      assignments: (signal) => start.source.assignments(signal),
      attempt: (lane, scope) => attempt(plan, lane, scope),
    }
  }

  #stepsAnd(step: StepInfo): readonly StepInfo[] {
    if (this.#steps.some(({ name }) => name === step.name)) {
      throw new Error(`flow '${this.#start.flow}' has two steps named '${step.name}'`)
    }
    return [...this.#steps, step]
  }
}

export type { Steps }

function atLeast(least: number, option: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(option)) {
    if (!(value >= least)) throw new RangeError(`${name} must be at least ${least}, not ${value}`)
  }
}
