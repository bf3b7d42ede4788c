import { ClickHouseError } from '@clickhouse/client'
import { storeFailure } from '../../clickhouse/client.ts'
import type { AlertRow } from '../../clickhouse/rows/alerts.ts'
import type { AlertRule } from '../../core/alert-settings.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { type Alert, advance, end, fingerprint, type Group, type Telling } from './alert.ts'
import { type Looked, look, type World } from './look.ts'
import { isMuted } from './mute.ts'

/** What the last look at a rule said, for the status. */
export interface RuleState {
  readonly rule: string
  /** Why nothing could be judged; '' when all could be. */
  readonly note: string
}

export interface Round {
  readonly alerts: readonly Alert[]
  readonly rows: readonly AlertRow[]
  readonly rules: readonly RuleState[]
}

/**
 * Looks at every rule once: what is active afterwards, and the rows that have to be written first. The alerts of a rule
 * that could not be looked at stay as they are. Those of a rule that is gone, or is about something else now, end.
 *
 * @param webhooks names of all that are configured
 */
export async function lookAround(
  rules: readonly AlertRule[],
  before: readonly Alert[],
  webhooks: readonly string[],
  world: World,
  nowMs: number,
  log: Log,
): Promise<Round> {
  const rounds: Round[] = []
  for (const rule of rules) {
    const telling = { webhooks: rule.webhooks ?? webhooks, muted: isMuted(rule.mute, nowMs) }
    const mine = before.filter((alert) => alert.rule === rule.name && alert.last.kind === rule.kind)
    const looked = await tried(rule, world, nowMs, log)
    rounds.push(
      looked instanceof DriftlineError
        ? { alerts: mine, rows: [], rules: [{ rule: rule.name, note: messageOf(looked) }] }
        : roundOf(rule, mine, looked, nowMs, telling),
    )
  }
  const orphans = before.filter(
    (alert) => !rules.some(({ name, kind }) => name === alert.rule && kind === alert.last.kind),
  )
  const gone = orphans.map((alert) => {
    const last = { ...alert.last, summary: `the rule is gone; it said: ${alert.last.summary}` }
    return end({ ...alert, last }, alert.state === 'firing' ? 'resolved' : 'cleared', nowMs)
  })
  return {
    alerts: rounds.flatMap(({ alerts }) => alerts),
    rows: [...rounds.flatMap(({ rows }) => rows), ...gone.flatMap(({ row }) => (row === undefined ? [] : [row]))],
    rules: rounds.flatMap(({ rules: states }) => states),
  }
}

/**
 * What a look found, or why it could not be: the event log is away, or ClickHouse answered that it is too busy.
 *
 * @throws DriftlineError `STORE_UNAVAILABLE` when ClickHouse does not answer: then there is no point in asking for other rules
 */
async function tried(rule: AlertRule, world: World, nowMs: number, log: Log): Promise<Looked | DriftlineError> {
  try {
    return await look(rule, world, nowMs)
  } catch (error) {
    world.signal.throwIfAborted()
    const failure = storeFailure(error)
    const answered = error instanceof ClickHouseError || error instanceof DriftlineError
    if (!(failure instanceof DriftlineError) || !answered) throw failure
    log.warn({ rule: rule.name, err: failure }, 'a rule could not be looked at')
    return failure
  }
}

function roundOf(
  rule: AlertRule,
  before: readonly Alert[],
  { findings, note }: Looked,
  nowMs: number,
  telling: Telling,
): Round {
  const key = (group: Group) => fingerprint(rule.name, group)
  const found = new Map(findings.map((finding) => [key(finding.group), finding]))
  const active = new Map(before.map((alert) => [key(alert.group), alert]))
  const changes = [...new Set([...active.keys(), ...found.keys()])].map((one) =>
    advance(rule, active.get(one), found.get(one), nowMs, telling),
  )
  return {
    alerts: changes.flatMap(({ alert }) => (alert === undefined ? [] : [alert])),
    rows: changes.flatMap(({ row }) => (row === undefined ? [] : [row])),
    rules: [{ rule: rule.name, note }],
  }
}
