import { z } from 'zod'
import { type Clock, systemClock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { readDocument } from './documents.ts'
import type { Registry } from './registry.ts'
import { lengthOf, resized, type SlotRange, slotCount, slotsOf } from './slots.ts'

const key = 'traffic'
const share = z.number().min(0).max(1)

/** Bounds that end a challenger; each is broken only by more than chance explains (see jobs/score/guard). */
export const Guard = z.strictObject({
  /** Share of its posts that it fails on. */
  maxErrorRate: share.default(0.01),
  /** 99th percentile of model time a post, as a multiple of the champion's. */
  maxP99Ratio: z.number().min(1).default(3),
  /** Share of posts that would have to change their class to have the champion's mix: ½ Σ |pₖ − qₖ|. */
  maxClassShift: share.default(0.1),
  /** Posts before latency and class mix are judged. */
  minPosts: z.int().positive().default(500),
})
export type Guard = z.infer<typeof Guard>

const Range = z.tuple([z.int().min(0).max(slotCount), z.int().min(0).max(slotCount)])

export const Challenger = z.strictObject({
  version: z.int().positive(),
  /** `canary` takes posts from the champion, `shadow` scores them beside it. */
  mode: z.enum(['canary', 'shadow']),
  share,
  /** Slots of the hash of post ids that make up the share (slots.ts), those that came first first. */
  slots: z.array(Range).readonly(),
  by: z.string().min(1),
  reason: z.string(),
  since: z.iso.datetime(),
  /** Absent: the default bounds. */
  guard: Guard.optional(),
})
export type Challenger = z.infer<typeof Challenger>

/** Document `traffic` of a model: who scores beside the champion. */
export const Traffic = z.strictObject({
  schema: z.literal(1),
  challengers: z.array(Challenger).readonly(),
  /** The challengers that were ended last, and why; the newest first. */
  ended: z
    .array(z.strictObject({ version: z.int().positive(), by: z.string(), reason: z.string(), at: z.iso.datetime() }))
    .readonly()
    .default([]),
})
export type Traffic = z.infer<typeof Traffic>

const keptEndings = 20

export interface TrafficNow extends Traffic {
  /** 0 while there is no document. */
  readonly revision: number
}

/** @throws DriftlineError `REGISTRY_INVALID` for a document that is none of ours */
export async function readTraffic(registry: Registry, name: string): Promise<TrafficNow> {
  const stored = await readDocument(registry.documents, name, key, Traffic)
  if (stored === undefined) return { revision: 0, schema: 1, challengers: [], ended: [] }
  return { revision: stored.revision, ...stored.value }
}

/** What a caller says about a challenger; slots and start follow from what there is. */
export type ChallengerChange = Omit<Challenger, 'slots' | 'since'>

/**
 * Starts a challenger, or changes one that runs. A canary keeps the posts it has when its share is raised; the posts of
 * other canaries stay theirs.
 *
 * @throws DriftlineError `TRAFFIC_TAKEN` when the other canaries leave it too small a share, `VERSION_UNKNOWN`
 */
export async function setChallenger(
  registry: Registry,
  name: string,
  change: ChallengerChange,
  clock: Clock = systemClock,
): Promise<Traffic> {
  const { version, by, reason } = change
  await registry.manifest(name, version)
  return update(registry, name, async (traffic) => {
    const after = withChallenger(traffic, change, clock.now())
    const isNew = !traffic.challengers.some((challenger) => challenger.version === version)
    if (isNew) await registry.announceChallenger(name, version, { by, reason })
    return after
  })
}

/** The traffic with a challenger started or changed. @throws DriftlineError `TRAFFIC_TAKEN` */
export function withChallenger(traffic: Traffic, change: ChallengerChange, nowMs: number): Traffic {
  const others = traffic.challengers.filter(({ version }) => version !== change.version)
  const before = traffic.challengers.find(({ version }) => version === change.version)
  const slots = slotsFor(change, before?.mode === change.mode ? before.slots : [], others)
  const since = before?.since ?? new Date(nowMs).toISOString()
  return { ...traffic, challengers: [...others, Challenger.parse({ ...change, slots, since })] }
}

/** Shadows may share posts, and take those that canaries take last: what they score, the champion scored too. */
function slotsFor(
  { version, mode, share }: ChallengerChange,
  own: readonly SlotRange[],
  others: readonly Challenger[],
): readonly SlotRange[] {
  const wanted = slotsOf(share)
  if (mode === 'shadow') return wanted === 0 ? [] : [[slotCount - wanted, slotCount]]
  const taken = others.flatMap((other) => (other.mode === 'canary' ? other.slots : []))
  const slots = resized(own, wanted, taken)
  if (slots !== undefined) return slots
  const left = 1 - lengthOf(taken) / slotCount
  throw new DriftlineError('TRAFFIC_TAKEN', { version, share, left: Number(left.toFixed(4)) })
}

export interface Ending {
  readonly by: string
  readonly reason: string
  /** Only the one that was started then: not another of the same version that somebody has started meanwhile. */
  readonly since?: string
}

/**
 * Ends a challenger; one that does not run (any more) is no error.
 *
 * @returns whether it ran
 */
export async function endChallenger(
  registry: Registry,
  name: string,
  version: number,
  { by, reason, since }: Ending,
  clock: Clock = systemClock,
): Promise<boolean> {
  let ran = false
  await update(registry, name, async (traffic) => {
    const challengers = traffic.challengers.filter(
      (challenger) => challenger.version !== version || (since !== undefined && challenger.since !== since),
    )
    ran = challengers.length < traffic.challengers.length
    if (!ran) return traffic
    const ending = { version, by, reason, at: new Date(clock.now()).toISOString() }
    return { ...traffic, challengers, ended: [ending, ...traffic.ended].slice(0, keptEndings) }
  })
  return ran
}

/** Writes what `change` makes of the traffic, which is asked again whenever somebody else was faster. */
async function update(
  registry: Registry,
  name: string,
  change: (traffic: Traffic) => Promise<Traffic>,
): Promise<Traffic> {
  for (;;) {
    const { revision, ...before } = await readTraffic(registry, name)
    const after = await change(before)
    if (after === before || (await written(registry, name, after, revision))) return after
  }
}

/**
 * Writes the traffic as it was read, under the next revision: whoever has read it before, and means to change it, has to
 * read it again.
 *
 * @returns false when somebody else was faster
 */
export const fenceTraffic = (registry: Registry, name: string, { revision, ...same }: TrafficNow): Promise<boolean> =>
  written(registry, name, same, revision)

async function written(registry: Registry, name: string, traffic: Traffic, revision: number): Promise<boolean> {
  try {
    await registry.documents.write(name, key, traffic, revision)
    return true
  } catch (error) {
    if (error instanceof DriftlineError && error.code === 'DOCUMENT_MOVED') return false
    throw error
  }
}
