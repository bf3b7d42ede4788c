import { DriftlineError } from '../../../../core/errors.ts'
import type { Change, Registry } from '../../../../models/registry/registry.ts'
import type { StepContext, StepResult } from '../context.ts'
import type { Expectation, Retraining } from '../state.ts'

/** Who moves aliases and starts canaries here, as the audit names it. */
export const byRetraining = 'retraining'

export function candidateOf({ candidate, id }: Retraining): number {
  if (candidate === null) throw new Error(`retraining ${id} has no candidate`)
  return candidate
}

/** The change that made a version champion, while it is. */
export async function movedTo(registry: Registry, name: string, version: number): Promise<Change | undefined> {
  const last = await registry.lastMove(name, 'champion')
  return last?.to === version ? last : undefined
}

/**
 * Makes the candidate champion, if the champion is still the one it was compared with. Done again after a crash, it finds
 * the alias moved and goes on from there.
 */
export async function promote(context: StepContext, expected: Expectation, why: string): Promise<StepResult> {
  const { registry, name, now, clock } = context
  const candidate = candidateOf(now)
  const reason = `retraining ${now.id}: ${why}`
  try {
    const move = { expected: now.champion, by: byRetraining, reason }
    await registry.setAlias(name, 'champion', candidate, move)
  } catch (error) {
    if (!(error instanceof DriftlineError)) throw error
    if (error.retryable) throw error
    return { to: 'refused', reason: `it could not be promoted: ${error.message}` }
  }
  const patch = { expected, promotedAt: new Date(clock.now()).toISOString() }
  return { to: 'promoted', reason: `version ${candidate} is champion: ${why}`, patch }
}
