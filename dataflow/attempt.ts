import { DriftlineError } from '../core/errors.ts'
import type { Chunk, Ending } from './chunk.ts'
import type { Connect } from './connect.ts'
import { type GatherOptions, gather } from './gather.ts'
import type { Lane } from './lane.ts'
import type { Scope } from './scope.ts'
import type { Sink } from './sink.ts'
import type { Source } from './source.ts'
import { type OnRejected, writeChunks } from './write-stage.ts'

/** What a flow does with each partition. */
export interface Plan<In, Out, Position> {
  readonly source: Source<In, Position>
  readonly sourceStep: string
  readonly gather: Required<GatherOptions>
  readonly connect: Connect<In, Out, Position>
  /** Steps that may keep a state. */
  readonly operatorSteps: readonly string[]
  readonly sink: Sink<Out, Position>
  readonly sinkStep: string
  readonly maxWriteItems: number
  readonly onRejected: OnRejected<Out> | undefined
}

/** Opens a partition from its last checkpoint, runs it and closes it again, whatever happens. */
export async function attempt<In, Out, Position>(
  plan: Plan<In, Out, Position>,
  lane: Lane<Position>,
  scope: Scope,
): Promise<Ending> {
  const opened: AsyncDisposable[] = []
  let ending: Ending
  try {
    ending = await runOpened(plan, lane, scope, opened)
  } catch (error) {
    ending = { kind: 'failed', error }
  }
  if (ending.kind === 'failed') lane.failed(ending.error)
  scope.abort(new Error('the attempt is over'))
  await scope.join()
  for (const resource of opened.reverse()) {
    try {
      await resource[Symbol.asyncDispose]()
    } catch (error) {
      if (ending.kind === 'failed') lane.log.warn({ err: error }, 'closing failed too')
      else ending = { kind: 'failed', error }
    }
  }
  return ending
}

async function runOpened<In, Out, Position>(
  plan: Plan<In, Out, Position>,
  lane: Lane<Position>,
  scope: Scope,
  opened: AsyncDisposable[],
): Promise<Ending> {
  const { partition } = lane
  const writer = await plan.sink.open(partition, scope.signal)
  opened.push(writer)
  const checkpoint = await writer.checkpoint()
  const unknown = Object.keys(checkpoint?.states ?? {}).filter((step) => !plan.operatorSteps.includes(step))
  if (unknown.length > 0) {
    throw new DriftlineError('CHECKPOINT_MISMATCH', { partition, reason: `no step holds ${unknown.join(', ')}` })
  }
  const reader = await plan.source.open(partition, checkpoint?.position, scope.signal)
  opened.push(reader)
  lane.opened(checkpoint?.position)

  const meter = lane.meter(plan.sinkStep)
  // What gathers behind a write becomes the next one, so the queue's limit is that of a write.
  const output = scope.queue<Chunk<Out, Position>>(plan.maxWriteItems, ({ items }) => Math.max(1, items.length))
  meter.queue = output
  const start = checkpoint ?? { position: reader.position(), states: {} }
  const reading = { clock: lane.clock, meter: lane.meter(plan.sourceStep), stops: [lane.stop, scope.signal] }
  plan.connect(
    {
      lane,
      scope,
      start,
      read: (first) => scope.spawn(gather(reader, first, plan.gather, reading)),
    },
    output,
  )
  return await writeChunks(writer, output, plan.onRejected, {
    partition,
    meter,
    persist: (action) => lane.persist(action),
    written: ({ position }) => lane.written(position),
    rejected: (items, error) => lane.rejected(items, error),
  })
}
