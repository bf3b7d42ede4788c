import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DriftlineError } from '../../../../core/errors.ts'
import { GateReport, gateFiles } from '../../../../models/gates/report.ts'
import { setChallenger } from '../../../../models/registry/traffic.ts'
import type { Step, StepContext } from '../context.ts'
import type { Expectation } from '../state.ts'
import { byRetraining, candidateOf, movedTo, promote } from './aliases.ts'

/** What a canary's mix of classes may differ from what the hold-out promises. */
const guardSlack = 0.15

/**
 * Ends with a version that did not pass; leaves one that passed to a person, or starts its canary. A person who promotes it
 * meanwhile, in either mode, has it watched.
 */
export const published: Step = async (context) => {
  const { config, registry, name, now, clock } = context
  const candidate = candidateOf(now)
  if (now.gatesFailed !== null && now.gatesFailed.length > 0) return { to: 'refused', reason: now.reason }
  const facts = await promised(context, candidate)
  const moved = await movedTo(registry, name, candidate)
  if (moved !== undefined) {
    const patch = { expected: facts.expected, promotedAt: moved.at }
    return { to: 'promoted', reason: `${moved.by} made version ${candidate} champion: ${moved.reason}`, patch }
  }
  if (now.promotion === 'manual') return undefined
  const { champion } = (await registry.aliases(name)).at
  if (champion !== now.champion) {
    return { to: 'refused', reason: `version ${champion ?? 'none'} became champion while this one was made` }
  }
  if (config.canaryShare === 0) return promote(context, facts.expected, 'it passed its gates, and there is no canary')
  const challenger = {
    version: candidate,
    mode: 'canary',
    share: config.canaryShare,
    by: byRetraining,
    reason: `retraining ${now.id}`,
    guard: {
      maxErrorRate: 0.01,
      maxP99Ratio: 3,
      maxClassShift: Math.min(1, facts.shift + guardSlack),
      minPosts: Math.min(500, config.canaryPosts),
    },
  } as const
  try {
    await setChallenger(registry, name, challenger, clock)
  } catch (error) {
    if (!(error instanceof DriftlineError && error.code === 'TRAFFIC_TAKEN')) throw error
    return { to: 'refused', reason: `no canary can be started: ${error.message}` }
  }
  return { to: 'canary', reason: `version ${candidate} scores ${(100 * config.canaryShare).toFixed(1)} % of the posts` }
}

/** What the hold-out promises of a version, and how far its mix of classes is from the champion's, per class at most. */
async function promised(
  { registry, name }: StepContext,
  candidate: number,
): Promise<{ readonly expected: Expectation; readonly shift: number }> {
  const { path } = await registry.open(name, candidate)
  const { fresh } = GateReport.parse(JSON.parse(await readFile(join(path, gateFiles.report), 'utf8'))).data
  if (fresh === null) throw new Error('a version without a fresh hold-out cannot have passed its gates')
  const { classes, confidence } = fresh.candidate
  const shifts = Object.entries(classes).map(([label, share]) => Math.abs(share - (fresh.champion.classes[label] ?? 0)))
  return { expected: { posts: fresh.rows, confidence, classes }, shift: Math.max(0, ...shifts) }
}
