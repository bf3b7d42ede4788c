import type { Clock } from '../core/clock.ts'
import type { Chunk, Ending } from './chunk.ts'
import { type Meter, stopwatch } from './metrics.ts'
import type { Queue } from './queue.ts'
import type { RunningOperators } from './running-operators.ts'
import type { Checkpoint } from './sink.ts'

/**
 * Puts each chunk through the operators, and the states after it into its checkpoint. What a wake-up lets go is a chunk
 * too, with the position of the last one that came by.
 *
 * @param start the checkpoint that the lane was opened from
 */
export async function runOperators<In, Out, Position>(
  operators: RunningOperators<In, Out>,
  input: Queue<Chunk<In, Position>>,
  output: Queue<Chunk<Out, Position>>,
  start: Checkpoint<Position>,
  clock: Clock,
  meters: { readonly first: Meter; readonly last: Meter },
): Promise<Ending> {
  let seen = start
  const forward = async (items: readonly Out[]) => {
    const states = { ...seen.states }
    operators.addStates(states)
    const startedMs = stopwatch()
    await output.push({ items, checkpoint: { position: seen.position, states } })
    meters.last.blockedMs += stopwatch() - startedMs
    return states
  }

  // Wake-up times are no part of a state: given no items, operators whose states were restored name theirs again.
  const resumed = operators.onItems([], clock.now())
  if (resumed.length > 0) await forward(resumed)
  for (;;) {
    const startedMs = stopwatch()
    const arrived = await input.ready(clock, operators.wakeAtMs)
    meters.first.waitingMs += stopwatch() - startedMs
    const nowMs = clock.now()
    if (operators.wakeAtMs <= nowMs) {
      const woken = operators.onWake(nowMs)
      if (woken.length > 0) await forward(woken)
    } else if (arrived === 'item') {
      const chunk = input.shift()
      seen = chunk.checkpoint
      await forward(operators.onItems(chunk.items, nowMs))
    } else if (arrived === 'end') {
      break
    }
  }

  if (input.ending.kind === 'ended') {
    const rest = operators.onEnd(clock.now())
    const states: Record<string, unknown> = {}
    operators.addStates(states)
    if (rest.length > 0 || Object.keys(states).length > 0) await forward(rest)
  }
  return input.ending
}
