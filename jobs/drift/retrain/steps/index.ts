import type { Step } from '../context.ts'
import type { ActiveState } from '../state.ts'
import { gating } from './gating.ts'
import { selecting } from './selecting.ts'
import { training } from './training.ts'

/** What is done in each state that is not the end. */
export const steps = {
  selecting,
  training,
  gating,
  published: async () => undefined,
  canary: async () => undefined,
  promoted: async () => undefined,
  watching: async () => undefined,
} as const satisfies Record<ActiveState, Step>
