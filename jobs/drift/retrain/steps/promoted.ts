import { endChallenger } from '../../../../models/registry/traffic.ts'
import type { Step } from '../context.ts'
import { byRetraining, candidateOf } from './aliases.ts'

/** The champion takes the posts of its canary too; from here on it is watched. */
export const promoted: Step = async ({ config, registry, name, now, clock }) => {
  const candidate = candidateOf(now)
  await endChallenger(registry, name, candidate, { by: byRetraining, reason: 'it is champion' }, clock)
  return { to: 'watching', reason: `version ${candidate} is watched for ${config.watchMinutes} minutes` }
}
