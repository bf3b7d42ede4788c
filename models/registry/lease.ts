import { z } from 'zod'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import type { Documents } from './documents.ts'

const Lease = z.strictObject({ schema: z.literal(1), holder: z.string(), untilMs: z.int() })

export interface LeaseOptions {
  /** Who asks, unique among processes and machines. */
  readonly holder: string
  /** A holder that died is succeeded after this. Clocks of the machines may differ by much less. */
  readonly ttlMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Runs `work` while this process alone, of all processes on all machines, holds the lease. It is renewed at a third of its
 * time; when a renewal fails, the signal of `work` is aborted before anybody else can take over.
 *
 * @returns what `work` returns, or `undefined`, at once, when somebody else holds it
 */
export async function withLease<T>(
  documents: Documents,
  name: string,
  key: string,
  { holder, ttlMs, clock, signal }: LeaseOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const stored = await documents.read(name, key)
  const lease = stored === undefined ? undefined : Lease.parse(stored.value)
  if (lease !== undefined && lease.holder !== holder && lease.holder !== '' && clock.now() < lease.untilMs)
    return undefined
  const write = (by: string, untilMs: number, revision: number) =>
    documents.write(name, key, { schema: 1, holder: by, untilMs } satisfies z.infer<typeof Lease>, revision)
  let untilMs = clock.now() + ttlMs
  let revision: number
  try {
    revision = await write(holder, untilMs, stored?.revision ?? 0)
  } catch (error) {
    if (moved(error)) return undefined
    throw error
  }
  const lost = new AbortController()
  const done = new AbortController()
  const renewing = (async () => {
    while (!done.signal.aborted) {
      await clock.sleep(ttlMs / 3, done.signal).catch(() => undefined)
      if (done.signal.aborted) return
      try {
        const next = clock.now() + ttlMs
        revision = await write(holder, next, revision)
        untilMs = next
      } catch (error) {
        if (moved(error) || clock.now() > untilMs - ttlMs / 3) {
          lost.abort(error)
          return
        }
      }
    }
  })()
  try {
    return await work(AbortSignal.any([signal, lost.signal]))
  } finally {
    done.abort()
    await renewing
    if (!lost.signal.aborted) await write('', 0, revision).catch(() => undefined) // it runs out by itself
  }
}

const moved = (error: unknown): boolean => error instanceof DriftlineError && error.code === 'DOCUMENT_MOVED'
