import { chunkHeader } from './chunk.ts'
import type { Env, Head, StoredTopic } from './env.ts'

export interface Retention {
  /** A chunk older than this goes. */
  readonly ageMs: number
  /** A topic whose chunks hold more loses its oldest; the newest chunk of a partition always stays. */
  readonly bytes: number
}

/**
 * Removes chunks that a topic need not keep, oldest first. Runs inside a write transaction. LMDB reuses the pages that
 * become free; the file does not shrink.
 *
 * @param budget most chunks to remove, so that no transaction grows long
 * @returns chunks removed
 */
export function trimTopic(env: Env, topic: StoredTopic, retention: Retention, nowMs: number, budget: number): number {
  const heads = Array.from({ length: topic.partitions }, (_, partition) => env.heads.get([topic.number, partition]))
  const total = () => heads.reduce((sum, head) => sum + (head?.bytes ?? 0), 0)
  let removed = 0
  for (; removed < budget; removed++) {
    const [partition, head] = oldest(heads)
    if (partition === undefined || head === undefined) break
    const expired = head.oldestMs < nowMs - retention.ageMs
    const overfull = total() > retention.bytes
    const trimmed = expired || overfull ? withoutFirstChunk(env, topic, partition, head, expired) : undefined
    if (trimmed === undefined) break
    env.heads.putSync([topic.number, partition], trimmed)
    heads[partition] = trimmed
  }
  return removed
}

function oldest(heads: readonly (Head | undefined)[]): readonly [number, Head] | readonly [undefined, undefined] {
  const held = [...heads.entries()].filter((entry): entry is [number, Head] => (entry[1]?.bytes ?? 0) > 0)
  return held.sort((a, b) => a[1].oldestMs - b[1].oldestMs)[0] ?? [undefined, undefined]
}

/** `undefined` when the first chunk is the last one and has to stay. */
function withoutFirstChunk(env: Env, topic: StoredTopic, partition: number, head: Head, evenTheLast: boolean) {
  const key: [number, number, number] = [topic.number, partition, head.start]
  const chunk = env.chunks.getBinary(key)
  if (chunk === undefined) throw new Error(`chunk ${head.start} is missing in partition ${partition} of ${topic.name}`)
  const start = head.start + chunkHeader(chunk).count
  const following = env.chunks.getBinary([topic.number, partition, start])
  if (following === undefined && !evenTheLast) return undefined
  env.chunks.removeSync(key)
  const oldestMs = following === undefined ? head.oldestMs : chunkHeader(following).appendedAtMs
  return { start, end: head.end, bytes: head.bytes - chunk.length, oldestMs }
}

/** Removes chunks of deleted topics, as `trimTopic` does. */
export function sweepDropped(env: Env, budget: number): number {
  let removed = 0
  for (const number of [...env.dropped.getKeys({ limit: 1 })]) {
    const keys = [...env.chunks.getKeys({ start: [number, 0, 0], end: [number + 1, 0, 0], limit: budget })]
    for (const key of keys) env.chunks.removeSync(key)
    if (keys.length < budget) env.dropped.removeSync(number)
    removed += keys.length
  }
  return removed
}
