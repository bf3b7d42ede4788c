import { z } from 'zod'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import type { Documents } from '../../models/registry/documents.ts'

<<<<<<< HEAD
const Lease = z.strictObject({ schema: z.literal(1), holder: z.string(), untilMs: z.int() })

export interface LeaseOptions {
  /** Who asks, unique among processes and machines. */
  readonly holder: string
  /** A holder that died is succeeded after this. Clocks of the machines may differ by much less. */
=======
export interface LeaseOptions {
  /** Names this process among all that may compete, on any machine. */
  readonly holder: string
  /** A holder that was killed is followed after this long. Renewed every third of it. */
>>>>>>> bbb239a (Check for drift: windows by event time against a baseline of the stream, thresholds from the false-alarm budget, on a schedule)
  readonly ttlMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

<<<<<<< HEAD
/**
 * Runs `work` while this process alone, of all processes on all machines, holds the lease. It is renewed at a third of its
 * time; when a renewal fails, the signal of `work` is aborted before anybody else can take over.
 *
 * @returns what `work` returns, or `undefined`, at once, when somebody else holds it
=======
const Lease = z.strictObject({
  schema: z.literal(1),
  holder: z.string(),
  /** Counts the terms of the lease; one that goes on under the same holder keeps its number. */
  term: z.int().positive(),
  ttlMs: z.number().positive(),
  /** When it was last renewed, by the holder's clock; told for people. Nobody compares it with a clock of his own. */
  renewedAt: z.iso.datetime(),
  /** False once it was given back. */
  held: z.boolean(),
})
type Lease = z.infer<typeof Lease>

/** `held`: somebody else works, and `work` was not started. */
export type Leased<T> = { readonly held: true; readonly by: string } | { readonly held: false; readonly value: T }

/**
 * Does `work` while no other process does, on this machine or another. The document says who holds the lease, and each
 * renewal moves its revision: whoever competes takes it over only when the revision has stood still for the whole time to
 * live by the competitor's own clock, so clocks that differ, or jump, take a lease from nobody who renews it. A holder that
 * cannot renew (it slept, the registry is away) has its `signal` aborted before another may start.
 *
 * @param work gets a signal that is aborted with `LEASE_LOST` when the lease is, or with the reason of `signal`
 * @throws what `work` throws; DriftlineError `LEASE_LOST` when another holder took over meanwhile
>>>>>>> bbb239a (Check for drift: windows by event time against a baseline of the stream, thresholds from the false-alarm budget, on a schedule)
 */
export async function withLease<T>(
  documents: Documents,
  name: string,
  key: string,
<<<<<<< HEAD
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
=======
  options: LeaseOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<Leased<T>> {
  const { holder, ttlMs, clock, signal } = options
  const taken = await take(documents, name, key, options)
  if (typeof taken === 'string') return { held: true, by: taken }
  let { revision } = taken
  const lost = new AbortController()
  const done = new AbortController()
  const renewing = (async () => {
    for (let renewedAt = clock.now(); ; ) {
      await clock.sleep(ttlMs / 3, done.signal).catch(() => undefined) // woken because the work is done
      if (done.signal.aborted) return
      // A process that slept past its time must not believe that it still holds the lease.
      if (clock.now() - renewedAt >= ttlMs) return lost.abort(leaseLost(name, key, holder))
      try {
        const renewal: Lease = { ...taken.lease, renewedAt: new Date(clock.now()).toISOString() }
        revision = await documents.write(name, key, renewal, revision)
        renewedAt = clock.now()
      } catch (error) {
        if (error instanceof DriftlineError && error.code === 'DOCUMENT_MOVED') {
          return lost.abort(leaseLost(name, key, holder))
        }
        // The registry may be back before the time is over.
>>>>>>> bbb239a (Check for drift: windows by event time against a baseline of the stream, thresholds from the false-alarm budget, on a schedule)
      }
    }
  })()
  try {
<<<<<<< HEAD
    return await work(AbortSignal.any([signal, lost.signal]))
  } finally {
    done.abort()
    await renewing
    if (!lost.signal.aborted) await write('', 0, revision).catch(() => undefined) // it runs out by itself
  }
}

const moved = (error: unknown): boolean => error instanceof DriftlineError && error.code === 'DOCUMENT_MOVED'
=======
    const value = await work(AbortSignal.any([signal, lost.signal]))
    lost.signal.throwIfAborted()
    return { held: false, value }
  } finally {
    done.abort()
    await renewing
    if (!lost.signal.aborted) await giveBack(documents, name, key, taken.lease, revision, clock)
  }
}

/** @returns the lease with its revision, or who holds it */
async function take(
  documents: Documents,
  name: string,
  key: string,
  { holder, ttlMs, clock, signal }: LeaseOptions,
): Promise<{ readonly lease: Lease; readonly revision: number } | string> {
  const stored = await documents.read(name, key)
  const current = stored === undefined ? undefined : Lease.parse(stored.value)
  if (stored !== undefined && current?.held === true) {
    // Nobody renews while this one waits: then whoever held it is gone. Slept time is counted, not read off a clock that may jump.
    const step = current.ttlMs / 3
    for (let slept = 0; slept < current.ttlMs; slept += step) {
      await clock.sleep(step, signal)
      if ((await documents.read(name, key))?.revision !== stored.revision) return current.holder
    }
  }
  const lease: Lease = {
    schema: 1,
    holder,
    term: (current?.term ?? 0) + 1,
    ttlMs,
    renewedAt: new Date(clock.now()).toISOString(),
    held: true,
  }
  try {
    return { lease, revision: await documents.write(name, key, lease, stored?.revision ?? 0) }
  } catch (error) {
    if (!(error instanceof DriftlineError && error.code === 'DOCUMENT_MOVED')) throw error
    const other = await documents.read(name, key)
    return other === undefined ? holder : Lease.parse(other.value).holder
  }
}

async function giveBack(
  documents: Documents,
  name: string,
  key: string,
  lease: Lease,
  revision: number,
  clock: Clock,
): Promise<void> {
  const back: Lease = { ...lease, renewedAt: new Date(clock.now()).toISOString(), held: false }
  try {
    await documents.write(name, key, back, revision)
  } catch (error) {
    // Taken over at the last moment: then it is no longer ours to give back.
    if (!(error instanceof DriftlineError && error.code === 'DOCUMENT_MOVED')) throw error
  }
}

const leaseLost = (model: string, document: string, holder: string) =>
  new DriftlineError('LEASE_LOST', { model, document, holder })
>>>>>>> bbb239a (Check for drift: windows by event time against a baseline of the stream, thresholds from the false-alarm budget, on a schedule)
