import { DriftlineError } from '../core/errors.ts'
import type { Chunk, Ending } from './chunk.ts'
import { type Meter, stopwatch } from './metrics.ts'
import type { Queue } from './queue.ts'
import type { Checkpoint, Writer } from './sink.ts'

/**
 * Items that a sink refuses for good. The hook must make them durable before it resolves; after a crash the same items can
 * come again. A retryable failure of it is retried.
 */
export type OnRejected<Item> = (
  items: readonly Item[],
  error: DriftlineError,
  context: { readonly partition: string },
) => Promise<void>

export interface WriteOptions<Item> {
  /**
   * Chunks that wait behind a slow write are merged up to this many items (default 10,000). A chunk is never split: its
   * checkpoint holds for all of it.
   */
  readonly maxWriteItems?: number
  /** Without it a rejected item halts the partition. */
  readonly onRejected?: OnRejected<Item> | undefined
}

/** What a write needs from its lane. */
export interface WriteContext<Position> {
  readonly partition: string
  readonly meter: Meter
  /** Repeats `action` while it fails in a way that is worth it; `undefined` when the flow stops meanwhile. */
  persist<Value>(action: () => Promise<Value>): Promise<{ readonly value: Value } | undefined>
  written(checkpoint: Checkpoint<Position>): void
  rejected(items: number, error: DriftlineError): void
}

/**
 * Writes one chunk after the other until the input ends or the stopped flow gives up on a write. Chunks that gathered
 * during a write make up the next one.
 *
 * @param input holds no more than one write may have
 */
export async function writeChunks<Item, Position>(
  writer: Writer<Item, Position>,
  input: Queue<Chunk<Item, Position>>,
  onRejected: OnRejected<Item> | undefined,
  lane: WriteContext<Position>,
): Promise<Ending> {
  const { meter } = lane
  for (;;) {
    const waitedMs = stopwatch()
    if ((await input.ready()) === 'end') return input.ending
    meter.waitingMs += stopwatch() - waitedMs
    const chunk = takeMerged(input)
    meter.in += chunk.items.length
    const startedMs = stopwatch()
    const written = await writeChunk(writer, chunk, onRejected, lane)
    meter.busyMs += stopwatch() - startedMs
    if (!written) return { kind: 'stopped' }
    lane.written(chunk.checkpoint)
  }
}

function takeMerged<Item, Position>(input: Queue<Chunk<Item, Position>>): Chunk<Item, Position> {
  const first = input.shift()
  if (input.length === 0) return first
  const items = [...first.items]
  let { checkpoint } = first
  while (input.length > 0) {
    const next = input.shift()
    for (const item of next.items) items.push(item)
    checkpoint = next.checkpoint
  }
  return { items, checkpoint }
}

async function writeChunk<Item, Position>(
  writer: Writer<Item, Position>,
  { items, checkpoint }: Chunk<Item, Position>,
  onRejected: OnRejected<Item> | undefined,
  lane: WriteContext<Position>,
): Promise<boolean> {
  for (let accepted = items; ; ) {
    const tried = await lane.persist(() => rejectionOf(writer.write(accepted, checkpoint), accepted.length))
    if (tried === undefined) return false
    const rejection = tried.value
    if (rejection === undefined) {
      lane.meter.out += accepted.length
      return true
    }
    const { error, failed } = rejection
    if (onRejected === undefined) throw error
    const refused = accepted.filter((_, index) => failed.has(index))
    const kept = await lane.persist(() => onRejected(refused, error, { partition: lane.partition }))
    if (kept === undefined) return false
    lane.rejected(refused.length, error)
    accepted = accepted.filter((_, index) => !failed.has(index))
  }
}

interface Rejection {
  readonly error: DriftlineError
  readonly failed: ReadonlySet<unknown>
}

/** What a write refused for good, or `undefined` when it took everything; other failures are thrown. */
async function rejectionOf(write: Promise<void>, items: number): Promise<Rejection | undefined> {
  try {
    await write
    return undefined
  } catch (error) {
    if (!(error instanceof DriftlineError) || error.code !== 'WRITE_REJECTED') throw error
    const { failed } = error.details
    const named = Array.isArray(failed) && failed.length > 0 && failed.every((index) => index >= 0 && index < items)
    if (!named) throw new Error('a sink rejected items without naming them', { cause: error })
    return { error, failed: new Set(failed) }
  }
}
