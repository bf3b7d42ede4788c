import { type AsyncStep, runAsync } from './async-stage.ts'
import type { Chunk, Ending } from './chunk.ts'
import type { Lane } from './lane.ts'
import { runOperators } from './operator-stage.ts'
import type { Queue } from './queue.ts'
import { inARow, type OpenOperators } from './running-operators.ts'
import type { Scope } from './scope.ts'
import type { Checkpoint } from './sink.ts'

/** One attempt of one partition, with its source and sink open. */
export interface Connection<In, Position> {
  readonly lane: Lane<Position>
  readonly scope: Scope
  /** What the partition was opened from. */
  readonly start: Checkpoint<Position>
  /** Starts reading into a queue. */
  read(output: Queue<Chunk<In, Position>>): void
}

/** Starts reading and every step so far, whose results go to `output`. */
export type Connect<In, Out, Position> = (
  connection: Connection<In, Position>,
  output: Queue<Chunk<Out, Position>>,
) => void

/** The steps so far, while more are added. Operators in a row become one stage. */
export interface Chain<In, Out, Position> {
  readonly connect: Connect<In, Out, Position>
  operator<Next>(name: string, open: OpenOperators<Out, Next>): Chain<In, Next, Position>
  async<Next>(name: string, step: AsyncStep<Out, Next>, concurrency: number): Chain<In, Next, Position>
}

/** Chunks that wait between two steps: with one ready, the next step never waits for the queue itself. */
const queuedChunks = 1

export const sourceChain = <Item, Position>(): Chain<Item, Item, Position> =>
  chainOf(({ read }, output) => read(output))

function chainOf<In, Out, Position>(connect: Connect<In, Out, Position>): Chain<In, Out, Position> {
  return {
    connect,
    operator: (name, open) => operatorChain(connect, open, { first: name, last: name }),
    async: (name, step, concurrency) => asyncChain(connect, name, step, concurrency),
  }
}

function operatorChain<In, Mid, Out, Position>(
  before: Connect<In, Mid, Position>,
  open: OpenOperators<Mid, Out>,
  names: { readonly first: string; readonly last: string },
): Chain<In, Out, Position> {
  const { connect, async } = chainOf<In, Out, Position>((connection, output) => {
    const { lane, scope, start } = connection
    const input = scope.queue<Chunk<Mid, Position>>(queuedChunks)
    const meters = { first: lane.meter(names.first), last: lane.meter(names.last) }
    meters.first.queue = input
    before(connection, input)
    const begin = async () => {
      const operators = open(start.states, (step) => lane.meter(step))
      return runOperators(operators, input, output, start, lane.clock, meters)
    }
    scope.spawn(endWith(output, begin()))
  })
  return {
    connect,
    async,
    operator: (name, next) => operatorChain(before, inARow(open, next), { first: names.first, last: name }),
  }
}

const asyncChain = <In, Mid, Out, Position>(
  before: Connect<In, Mid, Position>,
  name: string,
  step: AsyncStep<Mid, Out>,
  concurrency: number,
): Chain<In, Out, Position> =>
  chainOf((connection, output) => {
    const { lane, scope } = connection
    const input = scope.queue<Chunk<Mid, Position>>(queuedChunks)
    const meter = lane.meter(name)
    meter.queue = input
    before(connection, input)
    const context = { partition: lane.partition, scope, meter }
    scope.spawn(endWith(output, runAsync(step, concurrency, input, output, context)))
  })

/** A stage's failure ends its output in place, behind the chunks that went well. */
async function endWith<Item>(output: Queue<Item>, stage: Promise<Ending>): Promise<void> {
  try {
    output.end(await stage)
  } catch (error) {
    output.end({ kind: 'failed', error })
  }
}
