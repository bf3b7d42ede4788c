import { setImmediate as nextTurn } from 'node:timers/promises'
import { z } from 'zod'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { type Documents, readDocument } from './documents.ts'

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
 * time; when a renewal fails, or has no answer, the signal of `work` is aborted before anybody else can take over.
 *
 * @returns what `work` returns, or `undefined`, at once, when somebody else holds it
 * @throws DriftlineError `REGISTRY_UNAVAILABLE`, `REGISTRY_INVALID`; what `work` throws
 */
export async function withLease<T>(
  documents: Documents,
  name: string,
  key: string,
  { holder, ttlMs, clock, signal }: LeaseOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const { revision: seen = 0, value: lease } = (await readDocument(documents, name, key, Lease)) ?? {}
  if (lease !== undefined && lease.holder !== holder && lease.holder !== '' && clock.now() < lease.untilMs)
    return undefined
  const write = (holder: string, untilMs: number, revision: number) =>
    documents.write(name, key, { schema: 1, holder, untilMs } satisfies z.infer<typeof Lease>, revision)
  let untilMs = clock.now() + ttlMs
  let revision: number
  try {
    revision = await by(untilMs - ttlMs / 10, clock, write(holder, untilMs, seen))
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
        revision = await by(untilMs - ttlMs / 10, clock, write(holder, next, revision))
        untilMs = next
      } catch (error) {
        if (moved(error) || clock.now() >= untilMs - ttlMs / 3) {
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
    const giveBack = () => by(clock.now() + ttlMs / 3, clock, write('', 0, revision))
    if (!lost.signal.aborted) await giveBack().catch(() => undefined) // it runs out by itself
  }
}

/** @throws DriftlineError `REGISTRY_UNAVAILABLE` when there is no answer by then */
async function by<T>(atMs: number, clock: Clock, answer: Promise<T>): Promise<T> {
  const answered = new AbortController()
  const late = clock.sleep(Math.max(0, atMs - clock.now()), answered.signal).then(async () => {
    await nextTurn() // when this thread itself was held up, an answer may be waiting behind the alarm
    throw new DriftlineError('REGISTRY_UNAVAILABLE', { reason: 'a lease could not be written in time' })
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    answered.abort()
  }
}

const moved = (error: unknown): boolean => error instanceof DriftlineError && error.code === 'DOCUMENT_MOVED'
