import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { DriftlineError } from '../../core/errors.ts'
import { flow } from '../flow.ts'
import { run } from '../run.ts'
import type { Checkpoint, Sink, Writer } from '../sink.ts'
import type { Source } from '../source.ts'
import { CRASH, scripted } from './scripted-source.ts'

/** An empty place to write to. */
export interface SinkFixture<Item, Position> extends AsyncDisposable {
  readonly sink: Sink<Item, Position>
  /** The n-th item of a partition; each is different. */
  item(partition: string, n: number): Item
  /** The position after `n` items. */
  position(n: number): Position
  /** What lies there of one partition, in order, in the form that `item` gives. */
  rows(partition: string): Promise<readonly Item[]>
}

export interface SinkContractOptions<Item> {
  /** An item that the sink refuses for good, if there is such a thing. */
  readonly refused?: Item
  /** Whether checkpoints hold operator states (default yes); a sink that keeps none serves flows of stateless steps. */
  readonly states?: boolean
  /**
   * Why a write without items moves no checkpoint, for a sink that keeps it in the rows alone: such a write is then held
   * to leave the checkpoint of the last row.
   */
  readonly checkpointOnly?: string
}

const never = new AbortController().signal
const partition = '0'

/** What every sink keeps. */
export function sinkContract<Item, Position>(
  name: string,
  make: () => Promise<SinkFixture<Item, Position>>,
  { refused, states = true, checkpointOnly }: SinkContractOptions<Item> = {},
): void {
  type Fixture = SinkFixture<Item, Position>
  const check = (behaviour: string, body: (fixture: Fixture) => Promise<void>) =>
    test(behaviour, async () => {
      const fixture = await make()
      try {
        await body(fixture)
      } finally {
        await fixture[Symbol.asyncDispose]()
      }
    })
  const items = ({ item }: Fixture, from: number, to: number, of = partition) =>
    Array.from({ length: to - from }, (_, index) => item(of, from + index))
  const checkpoint = ({ position }: Fixture, n: number): Checkpoint<Position> => ({
    position: position(n),
    states: states ? { window: { open: [n, 'a'], sinceMs: 5 * n } } : {},
  })

  describe(`${name}: contract of a sink`, () => {
    check('there is no checkpoint before the first write', ({ sink }) =>
      writing(sink, partition, async (writer) => {
        expect(await writer.checkpoint()).toBeUndefined()
      }),
    )

    check('items and checkpoint are there once a write has resolved, in order', async (fixture) => {
      const { sink, rows } = fixture
      await writing(sink, partition, async (writer) => {
        await writer.write(items(fixture, 0, 3), checkpoint(fixture, 3))
        expect(await rows(partition)).toEqual(items(fixture, 0, 3))
        await writer.write(items(fixture, 3, 5), checkpoint(fixture, 5))
        expect(await rows(partition)).toEqual(items(fixture, 0, 5))
      })
      await writing(sink, partition, async (writer) => {
        expect(await writer.checkpoint()).toEqual(checkpoint(fixture, 5))
        await writer.write(items(fixture, 5, 6), checkpoint(fixture, 6))
      })
      expect(await rows(partition)).toEqual(items(fixture, 0, 6))
    })

    const moved = checkpointOnly === undefined ? 'moves the checkpoint' : `moves no checkpoint (${checkpointOnly})`
    check(`a write without items ${moved}`, async (fixture) => {
      await writing(fixture.sink, partition, async (writer) => {
        await writer.write(items(fixture, 0, 1), checkpoint(fixture, 1))
        await writer.write([], checkpoint(fixture, 4))
      })
      await writing(fixture.sink, partition, async (writer) => {
        expect(await writer.checkpoint()).toEqual(checkpoint(fixture, checkpointOnly === undefined ? 4 : 1))
      })
      expect(await fixture.rows(partition)).toEqual(items(fixture, 0, 1))
    })

    check('partitions are written side by side, each with a checkpoint of its own', async (fixture) => {
      const { sink, rows } = fixture
      await writing(sink, '0', (zero) =>
        writing(sink, '1', async (one) => {
          await Promise.all([
            zero.write(items(fixture, 0, 2, '0'), checkpoint(fixture, 2)),
            one.write(items(fixture, 0, 3, '1'), checkpoint(fixture, 3)),
          ])
        }),
      )
      expect(await rows('0')).toEqual(items(fixture, 0, 2, '0'))
      expect(await rows('1')).toEqual(items(fixture, 0, 3, '1'))
      await writing(sink, '0', async (writer) => {
        expect(await writer.checkpoint()).toEqual(checkpoint(fixture, 2))
      })
      await writing(sink, '1', async (writer) => {
        expect(await writer.checkpoint()).toEqual(checkpoint(fixture, 3))
      })
    })

    check('a repeated write loses nothing, and doubles nothing if the sink is effectively-once', async (fixture) => {
      const { sink, rows } = fixture
      await writing(sink, partition, async (writer) => {
        await writer.write(items(fixture, 0, 2), checkpoint(fixture, 2))
        const again = [items(fixture, 2, 5), checkpoint(fixture, 5)] as const
        await writer.write(...again)
        await writer.write(...again)
        await writer.write(items(fixture, 5, 6), checkpoint(fixture, 6))
      })
      expectWritten(sink, await rows(partition), items(fixture, 0, 6))
    })

    check('a large write is one write', async (fixture) => {
      await writing(fixture.sink, partition, (writer) =>
        writer.write(items(fixture, 0, 5000), checkpoint(fixture, 5000)),
      )
      expect(await fixture.rows(partition)).toEqual(items(fixture, 0, 5000))
    })

    check('a writer can be closed without a write, and twice', async ({ sink }) => {
      const writer = await sink.open(partition, never)
      await writer[Symbol.asyncDispose]()
      await writer[Symbol.asyncDispose]()
    })

    check('a flow that crashes again and again writes everything', async (fixture) => {
      const numbers = scripted<number>({ [partition]: [0, 1, CRASH, 2, 3, 4, CRASH, 5, 6] })
      const copy = flow('copy')
        .from('in', withPositions(numbers, fixture, 7), { maxItems: 2 })
        .throughAsync('make', async (batch, context) => batch.map((n) => fixture.item(context.partition, n)))
        .to('out', fixture.sink, { maxWriteItems: 2 })
      await expect(run(copy).done).rejects.toThrow('scripted crash')
      await expect(run(copy).done).rejects.toThrow('scripted crash')
      await run(copy).done
      expectWritten(fixture.sink, await fixture.rows(partition), items(fixture, 0, 7))
    })

    if (refused !== undefined) {
      check('a write with an item that can never be written names it and writes nothing', async (fixture) => {
        await writing(fixture.sink, partition, async (writer) => {
          const [first, last] = items(fixture, 0, 2)
          if (first === undefined || last === undefined) throw new Error('the fixture has no items')
          const error = await writer.write([first, refused, last], checkpoint(fixture, 3)).catch((thrown) => thrown)
          expect(error).toBeInstanceOf(DriftlineError)
          expect(error).toMatchObject({ code: 'WRITE_REJECTED', details: { failed: [1] } })
          expect(await fixture.rows(partition)).toEqual([])
          await writer.write([first, last], checkpoint(fixture, 3))
          expect(await fixture.rows(partition)).toEqual([first, last])
        })
      })
    }
  })
}

function expectWritten<Item>(
  sink: Pick<Sink<Item, never>, 'delivery'>,
  rows: readonly Item[],
  items: readonly Item[],
): void {
  if (sink.delivery === 'effectively-once') expect(rows).toEqual(items)
  else expect(items.filter((item) => !rows.some((row) => isDeepStrictEqual(row, item)))).toEqual([])
}

async function writing<Item, Position>(
  sink: Sink<Item, Position>,
  of: string,
  body: (writer: Writer<Item, Position>) => Promise<void>,
): Promise<void> {
  const writer = await sink.open(of, never)
  try {
    await body(writer)
  } finally {
    await writer[Symbol.asyncDispose]()
  }
}

/** The same source with the positions of the fixture in place of its counts up to `most`. */
function withPositions<Item, Position>(
  source: Source<Item, number>,
  { position }: Pick<SinkFixture<unknown, Position>, 'position'>,
  most: number,
): Source<Item, Position> {
  const countOf = (at: Position) => {
    for (let n = 0; n <= most; n++) if (isDeepStrictEqual(position(n), at)) return n
    throw new Error(`the checkpoint holds a position that was never written: ${JSON.stringify(at)}`)
  }
  return {
    name: source.name,
    assignments: (signal) => source.assignments(signal),
    async open(of, from, signal) {
      const reader = await source.open(of, from === undefined ? undefined : countOf(from), signal)
      return {
        next: (max) => reader.next(max),
        position: () => position(reader.position()),
        [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
      }
    },
  }
}
