import type { AsyncOptions, AsyncStep } from './async-stage.ts'
import { attempt } from './attempt.ts'
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
 * Describes a flow: `flow('score').from('posts', source).through('decode', operator).throughAsync('score', fn).to('scores',
 * sink)`. Each partition of the source runs through steps of its own.
 */
export const flow = (name: string) => ({
  from<Item, Position>(
    step: string,
    source: Source<Item, Position>,
    { maxItems = 1000, maxWaitMs = 20 }: GatherOptions = {},
  ): Steps<Item, Position, Item> {
    atLeast(1, { maxItems })
    atLeast(0, { maxWaitMs })
    const info = {
      name: step,
      kind: 'source',
      detail: `${source.name}, ≤ ${maxItems} items or ${maxWaitMs} ms`,
    } as const
    return new Steps(name, source, { maxItems, maxWaitMs }, sourceChain(), [info])
  },
})

class Steps<In, Position, Out> {
  readonly #flow: string
  readonly #source: Source<In, Position>
  readonly #gather: Required<GatherOptions>
  readonly #chain: Chain<In, Out, Position>
  readonly #steps: readonly StepInfo[]

  constructor(
    name: string,
    source: Source<In, Position>,
    gather: Required<GatherOptions>,
    chain: Chain<In, Out, Position>,
    steps: readonly StepInfo[],
  ) {
    const names = steps.map((step) => step.name)
    const twice = names.find((step, index) => names.indexOf(step) !== index)
    if (twice !== undefined) throw new Error(`flow '${name}' has two steps named '${twice}'`)
    this.#flow = name
    this.#source = source
    this.#gather = gather
    this.#chain = chain
    this.#steps = steps
  }

  /** Adds an operator: pure, synchronous, with a state for each partition that is kept in its checkpoint. */
  through<State, Next>(name: string, operator: Operator<Out, State, Next>): Steps<In, Position, Next> {
    const chain = this.#chain.operator(name, single(name, operator))
    return this.#with({ name, kind: 'operator', detail: operator.name }, chain)
  }

  /**
   * Adds a call for each chunk's items, several at a time; results go on in order. It must be safe to repeat: after a
   * failure the same items come again.
   */
  throughAsync<Next>(
    name: string,
    step: AsyncStep<Out, Next>,
    { concurrency = 2 }: AsyncOptions = {},
  ): Steps<In, Position, Next> {
    atLeast(1, { concurrency })
    const chain = this.#chain.async(name, step, concurrency)
    return this.#with({ name, kind: 'async', detail: `≤ ${concurrency} at a time` }, chain)
  }

  to(
    name: string,
    sink: Sink<Out, Position>,
    { maxWriteItems = 10_000, onRejected }: WriteOptions<Out> = {},
  ): Flow<Position> {
    atLeast(1, { maxWriteItems })
    const info = { name, kind: 'sink', detail: `${sink.name}, ${sink.delivery}, ≤ ${maxWriteItems} items` } as const
    const all = this.#with(info, this.#chain)
    const plan = {
      source: this.#source,
      sourceStep: this.#steps[0]?.name ?? '',
      gather: this.#gather,
      connect: this.#chain.connect,
      operatorSteps: this.#steps.filter(({ kind }) => kind === 'operator').map((step) => step.name),
      sink,
      sinkStep: name,
      maxWriteItems,
      onRejected,
    }
    return {
      name: this.#flow,
      steps: all.#steps,
      assignments: (signal) => this.#source.assignments(signal),
      attempt: (lane, scope) => attempt(plan, lane, scope),
    }
  }

  #with<Next>(info: StepInfo, chain: Chain<In, Next, Position>): Steps<In, Position, Next> {
    return new Steps(this.#flow, this.#source, this.#gather, chain, [...this.#steps, info])
  }
}

export type { Steps }

function atLeast(least: number, option: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(option)) {
    if (!(value >= least)) throw new RangeError(`${name} must be at least ${least}, not ${value}`)
  }
}
