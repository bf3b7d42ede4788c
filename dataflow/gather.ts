import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../core/clock.ts'
import { alarm, Bell } from './bell.ts'
import type { Chunk, Ending } from './chunk.ts'
import { type Meter, stopwatch } from './metrics.ts'
import type { Queue } from './queue.ts'
import type { Reader } from './source.ts'

export interface GatherOptions {
  /** Items at which a chunk is full (default 1,000). */
  readonly maxItems?: number
  /** How long a chunk waits for more after its first item, in milliseconds (default 20; 0: one read is one chunk). */
  readonly maxWaitMs?: number
}

type Outcome<Item, Position> = { readonly items: readonly Item[]; readonly position: Position } | Ending

export interface GatherContext {
  readonly clock: Clock
  readonly meter: Meter
  /** Any of them aborted: stop reading. */
  readonly stops: readonly AbortSignal[]
}

/**
 * Reads a partition into chunks until it ends, fails or is stopped. What was gathered before a failure still goes
 * out, so that a source which fails soon after each opening gets on all the same.
 */
export async function gather<Item, Position>(
  reader: Reader<Item, Position>,
  output: Queue<Chunk<Item, Position>>,
  { maxItems, maxWaitMs }: Required<GatherOptions>,
  { clock, meter, stops }: GatherContext,
): Promise<void> {
  const bell = new Bell()
  const ring = () => bell.ring()
  let held: readonly Item[] = []
  let position = reader.position() // never asked for during a read: the reader may then be ahead of what it returned
  let dueMs = Number.POSITIVE_INFINITY
  let silence: (() => void) | undefined
  let reading: Promise<void> | undefined
  let outcome: Outcome<Item, Position> | undefined

  const read = async (max: number) => {
    const startedMs = stopwatch()
    outcome = await nextOf(reader, max)
    const idle = 'kind' in outcome || outcome.items.length === 0
    meter[idle ? 'waitingMs' : 'busyMs'] += stopwatch() - startedMs
    bell.ring()
  }

  /** The alarm has the last word, not the clock: timers ring up to a millisecond early, and clocks are set back. */
  const expire = (expiredMs: number) => () => {
    if (dueMs === expiredMs) dueMs = Number.NEGATIVE_INFINITY
    bell.ring()
  }

  const flush = async () => {
    silence?.()
    silence = undefined
    dueMs = Number.POSITIVE_INFINITY
    const chunk = { items: held, checkpoint: { position, states: {} } }
    held = []
    meter.out += chunk.items.length
    const startedMs = stopwatch()
    await output.push(chunk)
    meter.blockedMs += stopwatch() - startedMs
  }

  let ending: Ending | undefined
  for (const stop of stops) stop.addEventListener('abort', ring)
  try {
    while (ending === undefined) {
      if (stops.some((stop) => stop.aborted)) {
        ending = { kind: 'stopped' }
        break
      }
      reading ??= read(maxItems - held.length)
      if (outcome === undefined && clock.now() < dueMs) {
        if (held.length > 0) silence ??= alarm(clock, dueMs - clock.now(), expire(dueMs))
        await bell.wait()
      } else if (outcome === undefined) {
        await flush()
      } else if ('kind' in outcome) {
        ending = outcome
      } else {
        const { items } = outcome
        meter.in += items.length
        if (held.length === 0 && items.length > 0) dueMs = clock.now() + maxWaitMs
        held = held.length === 0 ? items : held.concat(items)
        position = outcome.position
        outcome = undefined
        reading = undefined
        if (held.length >= maxItems || (held.length > 0 && clock.now() >= dueMs)) await flush()
        // Sources and sinks in memory settle without ever leaving the microtask queue: timers and signals get their turn.
        await nextTurn()
      }
    }
    if (held.length > 0) await flush()
    output.end(ending)
    await reading // the reader is closed next, and must not be in the middle of a read
  } finally {
    silence?.()
    for (const stop of stops) stop.removeEventListener('abort', ring)
  }
}

async function nextOf<Item, Position>(reader: Reader<Item, Position>, max: number): Promise<Outcome<Item, Position>> {
  try {
    const items = await reader.next(max)
    if (items === undefined) return { kind: 'ended' }
    if (items.length > max) throw new Error(`a reader returned ${items.length} items when asked for at most ${max}`)
    return { items, position: reader.position() }
  } catch (error) {
    return { kind: 'failed', error }
  }
}
