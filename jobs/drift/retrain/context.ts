import type { ClickHouseClient } from '@clickhouse/client'
import type { Clock } from '../../../core/clock.ts'
import type { Config } from '../../../core/config.ts'
import type { Log } from '../../../core/log.ts'
import type { Random } from '../../../core/random.ts'
import type { Registry } from '../../../models/registry/registry.ts'
import type { Retraining, TrainerProgress } from './state.ts'
import type { TrainerJob } from './trainer/job.ts'

export interface RetrainingOptions {
  readonly config: Config
  readonly registry: Registry
  /** A client for one use: an embedded store may come back on another port. */
  readonly connect: () => ClickHouseClient
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  /** What differs from the recipe for the champion's kind of graph. */
  readonly recipe?: TrainerJob['recipe']
  /** A process that was killed is succeeded after this, 10 s by default. */
  readonly leaseMs?: number
  /** A canary and a watch are looked at this often, each 5 s by default. */
  readonly lookEveryMs?: number
}

/** What a step works with. */
export interface StepContext extends RetrainingOptions {
  /** Of the model. */
  readonly name: string
  readonly now: Retraining
  /** Of this retraining, on this machine; made by `selecting`. */
  readonly folder: string
  readonly signal: AbortSignal
  /** Labels by version and post, so that a watch asks each version about each post once. */
  readonly answered: Map<number, Map<string, { readonly is: string; readonly was: string }>>
  readonly tell: (progress: Omit<TrainerProgress, 'at'>) => void
  /** From here on it may take minutes. */
  readonly trainerStarts: () => void
}

/** What a step came to: the next state, or `undefined` when there is nothing to do but wait. */
export type StepResult =
  | {
      readonly to: Retraining['state']
      readonly reason: string
      readonly patch?: Partial<Pick<Retraining, 'candidate' | 'data' | 'gatesFailed' | 'expected' | 'promotedAt'>>
    }
  | undefined

export type Step = (context: StepContext) => Promise<StepResult>

export async function withClient<T>(
  { connect }: Pick<RetrainingOptions, 'connect'>,
  use: (client: ClickHouseClient) => Promise<T>,
): Promise<T> {
  const client = connect()
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}
