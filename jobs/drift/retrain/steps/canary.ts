import { endChallenger, readTraffic } from '../../../../models/registry/traffic.ts'
import type { Step } from '../context.ts'
import type { Expectation } from '../state.ts'
import type { WatchedBlock } from '../watch.ts'
import { byRetraining, candidateOf, movedTo, promote } from './aliases.ts'
import { blocksSince } from './blocks.ts'

const minuteMs = 60_000

/** Waits until the canary has scored enough for long enough, and promotes it; ends when its guard, or a person, ended it. */
export const canary: Step = async (context) => {
  const { config, registry, name, now, clock } = context
  const candidate = candidateOf(now)
  const sinceMs = Date.parse(now.since)
  const blocks = await blocksSince(context, candidate, sinceMs, config.canaryMinutes * minuteMs)
  const expected = expectationOf(blocks)
  const moved = await movedTo(registry, name, candidate)
  if (moved !== undefined) {
    // By a process that was killed before it said so, or by a person.
    const patch = { expected: expected.posts > 0 ? expected : now.expected, promotedAt: moved.at }
    return { to: 'promoted', reason: `version ${candidate} is champion: ${moved.reason}`, patch }
  }
  const { champion } = (await registry.aliases(name)).at
  const end = async (reason: string) => {
    await endChallenger(registry, name, candidate, { by: byRetraining, reason }, clock)
    return { to: 'refused', reason } as const
  }
  if (champion !== now.champion) return end(`version ${champion ?? 'none'} became champion during the canary`)
  const { challengers, ended } = await readTraffic(registry, name)
  if (!challengers.some(({ version, mode }) => version === candidate && mode === 'canary')) {
    const why = ended.find(({ version }) => version === candidate)
    return { to: 'refused', reason: `the canary was ended by ${why?.by ?? 'somebody'}: ${why?.reason ?? 'no reason'}` }
  }
  if (expected.posts < config.canaryPosts || clock.now() - sinceMs < config.canaryMinutes * minuteMs) return undefined
  const minutes = ((clock.now() - sinceMs) / minuteMs).toFixed(1)
  return promote(context, expected, `its canary scored ${expected.posts} posts in ${minutes} minutes within all bounds`)
}

/** What these posts promise of those to come. */
export function expectationOf(blocks: readonly WatchedBlock[]): Expectation {
  const posts = blocks.reduce((sum, block) => sum + block.posts, 0)
  const mean = (value: (block: WatchedBlock) => number): number =>
    Math.min(1, blocks.reduce((sum, block) => sum + value(block) * block.posts, 0) / Math.max(1, posts))
  const labels = [...new Set(blocks.flatMap(({ classes }) => Object.keys(classes)))]
  return {
    posts,
    confidence: mean(({ confidence }) => confidence),
    classes: Object.fromEntries(labels.map((label) => [label, mean(({ classes }) => classes[label] ?? 0)])),
  }
}
