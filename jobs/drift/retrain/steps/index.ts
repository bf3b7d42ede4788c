import type { Step } from '../context.ts'
import type { ActiveState } from '../state.ts'
import { canary } from './canary.ts'
import { gating } from './gating.ts'
import { promoted } from './promoted.ts'
import { published } from './published.ts'
import { selecting } from './selecting.ts'
import { training } from './training.ts'
import { watching } from './watching.ts'

/** What is done in each state that is not the end. */
export const steps = {
  selecting,
  training,
  gating,
  published,
  canary,
  promoted,
  watching,
} as const satisfies Record<ActiveState, Step>
