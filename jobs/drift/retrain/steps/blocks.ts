import { select } from '../../../../clickhouse/queries.ts'
import { type StepContext, withClient } from '../context.ts'
import type { WatchedBlock } from '../watch.ts'

const mostBlockMs = 60_000
const leastBlockMs = 1000
const blocksOf = 60

/** What a version did since a moment: a sixtieth of `overMs` makes a block, from a second to a minute; oldest first. */
export async function blocksSince(
  context: StepContext,
  version: number,
  fromMs: number,
  overMs: number,
): Promise<readonly WatchedBlock[]> {
  const { name, signal } = context
  const length = Math.round(Math.min(mostBlockMs, Math.max(leastBlockMs, overMs / blocksOf)))
  const window = { block_length: length, from_ms: fromMs }
  const [scored, failed] = await withClient(context, async (client) => [
    await select(client, 'watched_blocks', { ...window, model_name: name, model_version: version }, signal),
    await select(client, 'failed_blocks', window, signal),
  ])
  const blocks = new Map<number, { posts: number; confidence: number; classes: Map<string, number>; failed: number }>()
  const blockAt = (ms: number) => {
    const known = blocks.get(ms) ?? { posts: 0, confidence: 0, classes: new Map<string, number>(), failed: 0 }
    blocks.set(ms, known)
    return known
  }
  for (const { block_ms, label, posts, confidence_sum } of scored) {
    const block = blockAt(block_ms)
    block.posts += posts
    block.confidence += confidence_sum
    block.classes.set(label, posts)
  }
  for (const { block_ms, posts } of failed) blockAt(block_ms).failed += posts
  return [...blocks].sort(([a], [b]) => a - b).map(([, block]) => shares(block))
}

const shares = (block: {
  posts: number
  confidence: number
  classes: ReadonlyMap<string, number>
  failed: number
}): WatchedBlock => ({
  posts: block.posts,
  failed: block.failed,
  confidence: block.posts === 0 ? 0 : Math.min(1, block.confidence / block.posts),
  classes: Object.fromEntries([...block.classes].map(([label, posts]) => [label, posts / Math.max(1, block.posts)])),
})
