import type { Chunk, Ending } from './chunk.ts'
import { type Meter, stopwatch } from './metrics.ts'
import type { Queue } from './queue.ts'
import type { Scope } from './scope.ts'

export interface AsyncContext {
  readonly partition: string
  /** Aborted when the result is no longer wanted. */
  readonly signal: AbortSignal
}

/** Turns the items of one chunk into others; called with at least one. */
export type AsyncStep<In, Out> = (items: readonly In[], context: AsyncContext) => Promise<readonly Out[]>

export interface AsyncOptions {
  /** Chunks of one partition that are begun and not yet passed on (default 2). */
  readonly concurrency?: number
}

type Result<Out> = { readonly items: readonly Out[] } | { readonly error: unknown }

interface Call<Out, Position> {
  readonly checkpoint: Chunk<Out, Position>['checkpoint']
  readonly result: Promise<Result<Out>>
}

/** Calls `step` for several chunks at a time and passes the results on in the order of the chunks. */
export async function runAsync<In, Out, Position>(
  step: AsyncStep<In, Out>,
  concurrency: number,
  input: Queue<Chunk<In, Position>>,
  output: Queue<Chunk<Out, Position>>,
  context: { readonly partition: string; readonly scope: Scope; readonly meter: Meter },
): Promise<Ending> {
  const { partition, scope, meter } = context
  const signal = scope.signal
  // A call keeps its place until its result was passed on, so this queue is the limit on calls under way.
  const calls = scope.queue<Call<Out, Position>>(concurrency)

  const call = async (items: readonly In[]): Promise<Result<Out>> => {
    if (items.length === 0) return { items: [] }
    const startedMs = stopwatch()
    try {
      return { items: await step(items, { partition, signal }) }
    } catch (error) {
      return { error }
    } finally {
      meter.busyMs += stopwatch() - startedMs
    }
  }

  const begin = async () => {
    for (;;) {
      const startedMs = stopwatch()
      if ((await input.ready()) === 'end') break
      meter.waitingMs += stopwatch() - startedMs
      await calls.room()
      const { items, checkpoint } = input.shift()
      meter.in += items.length
      const result = call(items)
      scope.spawn(result)
      await calls.push({ checkpoint, result })
    }
    calls.end(input.ending)
  }

  scope.spawn(begin())
  while ((await calls.ready()) === 'item') {
    const { checkpoint, result } = calls.first
    const settled = await result
    if ('error' in settled) return { kind: 'failed', error: settled.error }
    meter.out += settled.items.length
    const startedMs = stopwatch()
    await output.push({ items: settled.items, checkpoint })
    meter.blockedMs += stopwatch() - startedMs
    calls.shift()
  }
  return calls.ending
}
