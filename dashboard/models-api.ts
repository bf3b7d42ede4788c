import * as z from 'zod/mini'

/** `/api/models`: versions, who points where, and what is about to change. */

const count = z.int().check(z.nonnegative())

export const VersionInfo = z.object({
  version: count,
  parent: z.nullable(z.int()),
  createdAt: z.string(),
  bytes: count,
  /** Accuracy on its own test set, where its manifest tells. */
  accuracy: z.nullable(z.number()),
  /** What it was made of, in a phrase; '' when the manifest does not tell. */
  origin: z.string(),
  aliases: z.array(z.string()),
  /** `null` for a version that was never judged. */
  gates: z.nullable(z.object({ passed: z.boolean(), failed: z.array(z.string()), page: z.boolean() })),
})
export type VersionInfo = z.infer<typeof VersionInfo>

export const Challenger = z.object({
  version: count,
  mode: z.string(),
  share: z.number(),
  by: z.string(),
  reason: z.string(),
  since: z.string(),
})
export type Challenger = z.infer<typeof Challenger>

export const Training = z.object({
  state: z.string(),
  /** It runs, as opposed to having ended. */
  active: z.boolean(),
  reason: z.string(),
  by: z.string(),
  startedAt: z.string(),
  since: z.string(),
  champion: count,
  candidate: z.nullable(z.int()),
  /** Posts trained on and held out; `null` before they were chosen. */
  data: z.nullable(z.object({ train: count, replayed: count, heldOut: count })),
  phase: z.string(),
  /** 0 to 1; `null` while nobody can tell. */
  done: z.nullable(z.number()),
  remainingMs: z.nullable(z.number()),
})
export type Training = z.infer<typeof Training>

export const ModelInfo = z.object({
  name: z.string(),
  /** Newest first. */
  versions: z.array(VersionInfo),
  /** Moves of aliases, newest first. */
  changes: z.array(
    z.object({
      at: z.string(),
      by: z.string(),
      alias: z.string(),
      from: z.nullable(z.int()),
      to: z.int(),
      reason: z.string(),
      forced: z.boolean(),
    }),
  ),
  challengers: z.array(Challenger),
  ended: z.array(z.object({ version: count, by: z.string(), reason: z.string(), at: z.string() })),
  training: z.nullable(Training),
})
export type ModelInfo = z.infer<typeof ModelInfo>

export const Swap = z.object({
  atMs: z.number(),
  model: z.string(),
  from: count,
  to: count,
  partitions: count,
  pauseMs: z.number(),
  loadMs: z.number(),
  by: z.string(),
  outcome: z.string(),
  reason: z.string(),
})
export type Swap = z.infer<typeof Swap>

export const ModelsPage = z.object({
  atMs: z.number(),
  models: z.array(ModelInfo),
  /** `null` while ClickHouse is away. */
  swaps: z.nullable(z.array(Swap)),
})
export type ModelsPage = z.infer<typeof ModelsPage>
