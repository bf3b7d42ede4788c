import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Registry } from '../../models/registry/registry.ts'

/** Also a change that no watcher told of is seen within this. */
const everyMs = 1000

export interface FollowLoop {
  /** Aborted by `stop`. */
  readonly signal: AbortSignal
  /** Looks again soon. */
  ring(): void
  stop(): Promise<void>
}

/** Looks at a model in the registry at once, whenever it changes, and every second. A look that fails is logged. */
export function follow(
  registry: Registry,
  name: string,
  look: (signal: AbortSignal) => Promise<void>,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): FollowLoop {
  const stopping = new AbortController()
  const { signal } = stopping
  let nap = new AbortController()
  // The nap hears of it itself: a signal made by `AbortSignal.any` each second would leave 60 bytes each time.
  signal.addEventListener('abort', () => nap.abort())
  let heard = false
  const ring = () => {
    heard = true
    nap.abort()
  }
  registry.watch(name, ring, signal)
  const loop = (async () => {
    while (!signal.aborted) {
      heard = false
      nap = new AbortController()
      await look(signal).catch((error: unknown) => {
        if (!signal.aborted)
          log.warn({ err: error, model: name }, `the registry could not be followed: ${messageOf(error)}`)
      })
      if (heard || signal.aborted) continue
      await clock.sleep(everyMs, nap.signal).catch(() => undefined) // woken
    }
  })()
  return {
    signal,
    ring,
    async stop() {
      stopping.abort()
      await loop
    },
  }
}
