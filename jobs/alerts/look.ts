import type { ClickHouseClient } from '@clickhouse/client'
import { type QueryName, type QueryRow, select } from '../../clickhouse/queries.ts'
import type { AlertKind, AlertRule, RuleOf } from '../../core/alert-settings.ts'
import type { Finding } from './alert.ts'
import { drift } from './kinds/drift.ts'
import { errorRate } from './kinds/error-rate.ts'
import { lag } from './kinds/lag.ts'
import { sentiment } from './kinds/sentiment.ts'
import { silence } from './kinds/silence.ts'
import { spike } from './kinds/spike.ts'

/** What waits in the event log to be scored. */
export interface Waiting {
  readonly topic: string
  readonly posts: number
  /** How long the oldest of them has waited. */
  readonly seconds: number
}

/** What rules look at. */
export interface World {
  select<Name extends QueryName>(
    name: Name,
    parameters: Readonly<Record<string, unknown>>,
  ): Promise<readonly QueryRow<Name>[]>
  /** The model whose drift checks count. */
  readonly model: string
  /** @throws DriftlineError `LOG_UNAVAILABLE` */
  readonly waiting: () => Promise<Waiting>
  /** What rules that judge each window once said of it, by rule. */
  readonly judged: Map<string, { readonly windowEnd: number; readonly looked: Looked }>
  readonly signal: AbortSignal
}

/** A rule whose question takes longer, in seconds, is not looked at: notices of others would wait for it. */
const longestQuerySeconds = 20

export const worldOf = (client: ClickHouseClient, rest: Omit<World, 'select'>): World => ({
  ...rest,
  select: (name, parameters) =>
    select(client, name, parameters, rest.signal, { max_execution_time: longestQuerySeconds }),
})

/** What a look at a rule found. */
export interface Looked {
  /** Groups that are not named do not hold. */
  readonly findings: readonly Finding[]
  /** Why nothing could be judged, such as too little history; '' when all could be. */
  readonly note: string
}

export type Look<Kind extends AlertKind> = (rule: RuleOf<Kind>, world: World, nowMs: number) => Promise<Looked>

/** @throws DriftlineError when what the rule looks at is away; then nothing is known, and its alerts stay as they are */
export function look(rule: AlertRule, world: World, nowMs: number): Promise<Looked> {
  switch (rule.kind) {
    case 'drift':
      return drift(rule, world, nowMs)
    case 'lag':
      return lag(rule, world, nowMs)
    case 'silence':
      return silence(rule, world, nowMs)
    case 'errorRate':
      return errorRate(rule, world, nowMs)
    case 'sentiment':
      return sentiment(rule, world, nowMs)
    case 'spike':
      return spike(rule, world, nowMs)
  }
}
