import { setTimeout as delay } from 'node:timers/promises'
import type { Source } from '../source.ts'

/** What a crash throws: a plain error, as a bug does. */
export class ScriptedCrash extends Error {
  override readonly name = 'ScriptedCrash'
}

/** What a script holds between its items. It happens once, however often a reader comes past it. */
class ScriptedEvent {
  readonly #error: Error | undefined
  constructor(error?: Error) {
    this.#error = error
  }
  get error(): Error | undefined {
    return this.#error
  }
}

/** The read fails like a bug. */
export const CRASH = new ScriptedEvent(new ScriptedCrash('scripted crash'))
/** The read returns nothing. */
export const PAUSE = new ScriptedEvent()
/** The read fails with `error`. */
export const failure = (error: Error): ScriptedEvent => new ScriptedEvent(error)

export type Scripted<Item> = Item | ScriptedEvent

export interface ScriptedOptions {
  /** What to read when; by default every partition, once. */
  readonly assignments?: (signal: AbortSignal) => AsyncIterable<readonly string[]>
  /** Partitions wait for more at the end of their script (see `append`). */
  readonly endless?: boolean
}

/** Positions are counts of the items before. */
export interface ScriptedSource<Item> extends Source<Item, number> {
  /** Items handed out so far, repeated ones included. */
  readonly itemsRead: number
  append(partition: string, ...script: readonly Scripted<Item>[]): void
}

export function scripted<Item>(
  scripts: Readonly<Record<string, readonly Scripted<Item>[]>>,
  { assignments, endless = false }: ScriptedOptions = {},
): ScriptedSource<Item> {
  const parts = new Map(Object.entries(scripts).map(([name, script]) => [name, split(script)]))
  let itemsRead = 0
  return {
    name: 'scripted',
    get itemsRead() {
      return itemsRead
    },
    append(partition, ...script) {
      const part = parts.get(partition) ?? split<Item>([])
      const more = split(script)
      for (const [at, event] of more.events) {
        part.events.push([part.items.length + at, event])
      }
      part.items.push(...more.items)
      parts.set(partition, part)
    },
    assignments:
      assignments ??
      async function* () {
        yield [...parts.keys()]
      },
    async open(partition, from = 0) {
      const part = parts.get(partition)
      if (part === undefined) throw new Error(`there is no partition '${partition}'`)
      let next = from
      return {
        position: () => next,
        async next(max) {
          const [at, event] = part.events[0] ?? [Number.POSITIVE_INFINITY]
          if (event !== undefined && at <= next) {
            part.events.shift()
            if (event.error === undefined) return []
            throw event.error
          }
          const items = part.items.slice(next, Math.min(next + max, at))
          next += items.length
          itemsRead += items.length
          if (items.length > 0) return items
          if (!endless) return undefined
          await delay(5)
          return []
        },
        async [Symbol.asyncDispose]() {},
      }
    },
  }
}

/** The items, and what happens between them with the number of items before. */
function split<Item>(script: readonly Scripted<Item>[]): { items: Item[]; events: [number, ScriptedEvent][] } {
  const items: Item[] = []
  const events: [number, ScriptedEvent][] = []
  for (const entry of script) {
    if (entry instanceof ScriptedEvent) events.push([items.length, entry])
    else items.push(entry)
  }
  return { items, events }
}
