import * as z from 'zod/mini'

/**
 * What server and page say to each other over `/ws`. The page imports this file too, hence zod/mini: it parses the same
 * with a fifth of the code.
 */
export const protocolVersion = 1

const count = z.int().check(z.nonnegative())
const instantMs = z.number().check(z.nonnegative())
const share = z.number().check(z.minimum(0), z.maximum(1))

/** `ok` works, `waiting` will go on by itself, `halted` needs a person, `absent` was never started or has stopped. */
export const Part = z.object({
  name: z.string(),
  state: z.enum(['ok', 'waiting', 'halted', 'absent']),
  detail: z.string(),
})
export type Part = z.infer<typeof Part>

export const NewestPost = z.object({
  /** Topic, partition and offset: one per row, whatever the posts' own ids are. */
  key: z.string(),
  id: z.string(),
  /** The first characters only when `cut`. */
  text: z.string(),
  cut: z.boolean(),
  label: z.string(),
  confidence: share,
  source: z.string(),
  scoredAtMs: instantMs,
})
export type NewestPost = z.infer<typeof NewestPost>

export const Hashtag = z.object({
  tag: z.string(),
  posts: count,
  /** Posts of each class, in the order of `LiveData.labels`. */
  counts: z.array(count),
})
export type Hashtag = z.infer<typeof Hashtag>

/** What ClickHouse knows. */
export const LiveData = z.object({
  /** When it was read: old while the store is away. */
  asOfMs: instantMs,
  /** Classes, in the model's order. */
  labels: z.array(z.string()),
  rate: z.object({
    /** Posts per second over the last full seconds. */
    now: z.number().check(z.nonnegative()),
    startMs: instantMs,
    stepMs: z.int().check(z.positive()),
    /** Posts per second in each step from `startMs`. */
    values: z.array(z.number()),
  }),
  classes: z.object({
    windowSeconds: count,
    /** Share of each class over the last `windowSeconds`; all 0 when there were no posts. */
    shares: z.array(share),
    startMs: instantMs,
    stepMs: z.int().check(z.positive()),
    /** Posts in each step, one array per class. */
    counts: z.array(z.array(count)),
  }),
  hashtags: z.object({ minutes: count, top: z.array(Hashtag) }),
  newest: z.array(NewestPost),
  totals: z.object({ scored: count, dead: count }),
})
export type LiveData = z.infer<typeof LiveData>

export const PartitionLag = z.object({
  partition: count,
  /** The next offset to score, and the one that is appended next. */
  position: count,
  end: count,
  lag: count,
  /** Age of the oldest post that waits; 0 when none does. */
  lagSeconds: z.number().check(z.nonnegative()),
  state: z.enum(['ok', 'waiting', 'halted']),
  detail: z.string(),
})
export type PartitionLag = z.infer<typeof PartitionLag>

/** What the event log knows. */
export const LogLag = z.object({ topic: z.string(), partitions: z.array(PartitionLag) })
export type LogLag = z.infer<typeof LogLag>

export const ModelInUse = z.object({
  name: z.string(),
  version: z.int(),
  provider: z.string(),
  workers: count,
})
export type ModelInUse = z.infer<typeof ModelInUse>

export const Snapshot = z.object({
  /** The server's clock when it was taken. */
  atMs: instantMs,
  parts: z.array(Part),
  /** `null` until a score job has said which. */
  model: z.nullable(ModelInUse),
  /** `null` until the log could be read. */
  log: z.nullable(LogLag),
  /** `null` until the store has answered once. */
  live: z.nullable(LiveData),
})
export type Snapshot = z.infer<typeof Snapshot>

export const ServerMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), protocol: z.int(), version: z.string() }),
  z.object({ type: z.literal('snapshot'), seq: count, snapshot: Snapshot }),
  /** No snapshot could be taken; the server goes on trying. */
  z.object({ type: z.literal('trouble'), reason: z.string() }),
])
export type ServerMessage = z.infer<typeof ServerMessage>

export const PageMessage = z.discriminatedUnion('type', [
  /** The snapshot has been drawn: until then the server sends no other, and then only the newest. */
  z.object({ type: z.literal('seen'), seq: count }),
  /** Whether somebody looks: a page in a hidden tab gets nothing. */
  z.object({ type: z.literal('look'), visible: z.boolean() }),
])
export type PageMessage = z.infer<typeof PageMessage>
