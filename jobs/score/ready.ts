import type { Scorer } from '../../inference/scorer.ts'
import type { SlotRange } from '../../models/registry/slots.ts'
import type { Cause, Contender } from './route.ts'
import type { Watch } from './watch.ts'

/** Why a model came to score. */
export interface Reason extends Cause {
  /** The alias that the job follows, or `''` for a model that stays. */
  readonly alias: string
  /** From the first look at the files to warm threads, in milliseconds. */
  readonly loadMs: number
}

/** A model that is ready, and why it is there. `by` is `''` when nobody moved the alias. */
export interface ReadyModel extends Reason {
  readonly scorer: Scorer
}

/** A challenger that is ready, and which posts are its own. */
export interface ReadyContender extends Cause {
  readonly scorer: Scorer
  readonly mode: Contender['mode']
  readonly slots: readonly SlotRange[]
  readonly loadMs: number
  readonly watch: Watch
}
