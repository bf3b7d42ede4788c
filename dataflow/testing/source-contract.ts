import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { flow } from '../flow.ts'
import { run } from '../run.ts'
import type { Reader, Source } from '../source.ts'
import { arraySink } from './array-sink.ts'

/** A source over partitions that are complete, with what it must read from them. */
export interface SourceFixture<Item, Position> extends AsyncDisposable {
  /** Its partitions end after what they hold. */
  readonly source: Source<Item, Position>
  /** The items of each partition in order: at least one partition, and at least five items in one of them. */
  readonly held: ReadonlyMap<string, readonly Item[]>
}

/** A source whose partition waits for more. */
export interface LiveSourceFixture<Item, Position> extends AsyncDisposable {
  readonly source: Source<Item, Position>
  readonly partition: string
  /** Adds one item to the partition and returns it as it is to be read. */
  append(): Promise<Item>
}

const never = new AbortController().signal

/** What every source with fixed, ending partitions keeps. */
export function sourceContract<Item, Position>(name: string, make: () => Promise<SourceFixture<Item, Position>>): void {
  const check = (behaviour: string, body: (fixture: SourceFixture<Item, Position>) => Promise<void>) =>
    test(behaviour, async () => {
      const fixture = await make()
      try {
        expect(Math.max(...[...fixture.held.values()].map((items) => items.length))).toBeGreaterThanOrEqual(5)
        await body(fixture)
      } finally {
        await fixture[Symbol.asyncDispose]()
      }
    })

  describe(`${name}: contract of a source`, () => {
    check('it names its partitions once', async ({ source, held }) => {
      const sets: (readonly string[])[] = []
      for await (const partitions of source.assignments(never)) sets.push([...partitions].sort())
      expect(sets).toEqual([[...held.keys()].sort()])
    })

    for (const max of [1, 3, 1000]) {
      check(`it reads each partition in order, at most ${max} at a time, and then ends`, async ({ source, held }) => {
        for (const [partition, items] of held) {
          await reading(source, partition, undefined, async (reader) => {
            expect(await readAll(reader, max)).toEqual(items)
            expect(await reader.next(max)).toBeUndefined()
          })
        }
      })
    }

    check('every position goes on just after the last item read', async ({ source, held }) => {
      for (const [partition, items] of held) {
        for (let before = 0; before <= items.length; before++) {
          const position = await reading(source, partition, undefined, async (reader) => {
            await readAll(reader, 1, before)
            return structuredClone(reader.position())
          })
          const rest = await reading(source, partition, position, (reader) => readAll(reader, 1000))
          expect(rest).toEqual(items.slice(before))
        }
      }
    })

    check('a position is that of what was returned, while the reader may be ahead of it', async ({ source, held }) => {
      for (const [partition, items] of held) {
        await reading(source, partition, undefined, async (reader) => {
          const first = await reader.next(2)
          const position = structuredClone(reader.position())
          await reader.next(2)
          const rest = await reading(source, partition, position, (again) => readAll(again, 1000))
          expect([...(first ?? []), ...rest]).toEqual(items)
        })
      }
    })

    check('partitions are read side by side', async ({ source, held }) => {
      const all = [...held].map(async ([partition, items]) => {
        const read = await reading(source, partition, undefined, (reader) => readAll(reader, 2))
        expect(read).toEqual(items)
      })
      await Promise.all(all)
    })

    check('a reader can be closed before its end, and twice', async ({ source, held }) => {
      for (const partition of held.keys()) {
        const reader = await source.open(partition, undefined, never)
        await reader.next(1)
        await reader[Symbol.asyncDispose]()
        await reader[Symbol.asyncDispose]()
      }
    })

    check('a flow that crashes again and again reads everything exactly once', async ({ source, held }) => {
      const sink = arraySink<Item, Position>()
      const crash = new Error('crash')
      const copy = flow('copy').from('in', source, { maxItems: 2 }).to('out', sink, { maxWriteItems: 2 })
      for (let crashes = 0; crashes < 6; crashes++) {
        sink.fail('ok', crashes % 2 === 0 ? { before: crash } : { after: crash })
        await run(copy, { random: seededRandom(crashes) }).done.catch((error) => expect(error).toBe(crash))
      }
      await run(copy).done
      for (const [partition, items] of held) expect(sink.rows(partition)).toEqual(items)
    })
  })
}

/** What every source that waits for more keeps. */
export function liveSourceContract<Item, Position>(
  name: string,
  make: () => Promise<LiveSourceFixture<Item, Position>>,
): void {
  const check = (behaviour: string, body: (fixture: LiveSourceFixture<Item, Position>) => Promise<void>) =>
    test(behaviour, async () => {
      const fixture = await make()
      try {
        await body(fixture)
      } finally {
        await fixture[Symbol.asyncDispose]()
      }
    })

  describe(`${name}: contract of a source that waits for more`, () => {
    check('a read with nothing to return comes back empty', async ({ source, partition, append }) => {
      await append()
      await reading(source, partition, undefined, async (reader) => {
        while ((await reader.next(10))?.length !== 0);
      })
    })

    check('items appended after it was opened are read in order', async ({ source, partition, append }) => {
      await reading(source, partition, undefined, async (reader) => {
        const appended = [await append(), await append()]
        expect(await readAll(reader, 10, 2)).toEqual(appended)
        const third = await append()
        expect(await readAll(reader, 10, 1)).toEqual([third])
      })
    })

    check('the position after an empty read is still that of the last item', async ({ source, partition, append }) => {
      await append()
      const position = await reading(source, partition, undefined, async (reader) => {
        await readAll(reader, 1, 1)
        await reader.next(1)
        return structuredClone(reader.position())
      })
      const second = await append()
      await reading(source, partition, position, async (reader) => {
        expect(await readAll(reader, 1, 1)).toEqual([second])
      })
    })

    check('a stopped flow has written what was appended, and closes', async ({ source, append, partition }) => {
      const appended = [await append(), await append(), await append()]
      const stop = new AbortController()
      const sink = arraySink<Item, Position>({ gate: async () => stop.abort() })
      const copy = flow('copy').from('in', source, { maxItems: 3, maxWaitMs: 60_000 }).to('out', sink)
      expect(await run(copy, { signal: stop.signal }).done).toMatchObject({ outcome: 'stopped' })
      expect(sink.rows(partition)).toEqual(appended)
    })
  })
}

async function reading<Item, Position, Result>(
  source: Source<Item, Position>,
  partition: string,
  from: Position | undefined,
  body: (reader: Reader<Item, Position>) => Promise<Result>,
): Promise<Result> {
  const reader = await source.open(partition, from, never)
  try {
    return await body(reader)
  } finally {
    await reader[Symbol.asyncDispose]()
  }
}

/** Reads `count` items, or all there are; no read may return more than `max`. */
async function readAll<Item>(
  reader: Reader<Item, unknown>,
  max: number,
  count = Number.POSITIVE_INFINITY,
): Promise<readonly Item[]> {
  const all: Item[] = []
  while (all.length < count) {
    const asked = Math.min(max, count - all.length)
    const items = await reader.next(asked)
    if (items === undefined) break
    expect(items.length).toBeLessThanOrEqual(asked)
    all.push(...items)
  }
  return all
}
